import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type CrowdProgress, type CrowdResult, runCrowd } from '../../bench/crowd.ts';
import { readQueues, readStock } from '../../bench/server-api.ts';
import type { Env } from '../../bench/server-process.ts';
import type { BackendName, PrivateBackend } from '../../bench/services/private-backend.ts';
import { startPrivateBackend } from '../../bench/services/private-backends.ts';
import { isAlive } from '../../bench/services/processes.ts';
import { randomFrom } from '../../src/lib/random.ts';
import { type DistributedShop, openDistributedShop } from '../support/distributed-shop.ts';
import { strikeInCrowd, waitingOf } from '../support/mid-crowd.ts';
import { ownBackends } from '../support/own-backends.ts';
import { disagreements, hearOutcomes, type Round, readRound, type Told } from '../support/reconciliation.ts';
import { eventually } from '../support/shop.ts';
import { isExcused, isWell, type Probe, type Probes, type Question, startProbes } from './probes.ts';

/**
 * Something breaks under a shop of two API processes and a worker, in the middle of a crowd half of which buys at once and
 * half by the queue. Then it is back, and the shop heals by itself: no process of ours is restarted, no operator called.
 *
 * What every buyer was told is compared with the books; a second crowd, as large as what is left and a little larger,
 * then has to get exactly that.
 */
export interface Fault {
  readonly what: string;
  /** Breaks it and brings it back; resolves when that much is done. What it resolves with goes into the report. */
  strike(place: Place, sight: Sight): Promise<Evidence>;
  /** Questions that are answered well all along. */
  readonly goesOn: readonly Question[];
  /** A fault without effect would test nothing: what must be seen of it. */
  expectFelt(felt: Felt): void;
  /** Processes of ours that end: the API's, a worker. */
  readonly ends?: 'instances' | 'worker';
}

export interface Place {
  /** The one that may be broken. */
  readonly backend: PrivateBackend;
  readonly shop: DistributedShop;
  readonly random: () => number;
}

/** What can be observed so far, for a fault that waits until it has had its effect. */
export interface Sight {
  /** Probes that were answered since the strike. */
  probed(): readonly Probe[];
  /** Of the crowd: buyers who have asked and have no answer. */
  waiting(): number;
  crowdIsOver(): boolean;
  /** Messages of the processes' log lines since the strike, and those before it. */
  said(): string[];
  saidBefore(): string[];
}

export type Evidence = Readonly<Record<string, number>>;

export interface Felt {
  readonly evidence: Evidence;
  readonly crowd: CrowdResult;
  /** Probes of the time from the strike to the recovery. */
  readonly probes: readonly Probe[];
  /** What the processes of ours logged since. */
  readonly said: readonly string[];
}

const USERS = 4_800;
const RATE_PER_S = 600;
const QUANTITY = 2;
/** Some rounds have units for all, in some the last ones come too late. */
const UNITS_SHARE_MIN = 0.85;
const UNITS_SHARE_MAX = 1.15;
/** So much of the crowd has come by then; most of it is still to come. */
const STRIKE_AFTER_SHARE_MIN = 0.1;
const STRIKE_AFTER_SHARE_MAX = 0.22;
const PATIENCE_MS = 25_000;
/** After this all is well again. A bound and not a measurement: machines that run tests are busy. */
const WELL_AFTER_MS = 15_000;
/** In the second crowd, more than there are units for. */
const TOO_MANY = 20;
const SECOND_RATE_PER_S = 1_500;
/** For the backends' start and the shop's. */
const OPEN_TIMEOUT_MS = 90_000;
const FAULT_TIMEOUT_MS = 120_000;
/** Nobody in a crowd wants it. */
const PROBED_PRODUCT = 5;
const PROBED_UNITS = 1_000_000;

const VARIABLES = { postgres: 'DATABASE_URL', redis: 'REDIS_URL', rabbitmq: 'RABBITMQ_URL' } as const;

/**
 * Registers one test per fault, all with the same backends and the same processes. The backend that breaks is their own; the other
 * two are those that all tests share.
 */
export function injectFaults(seed: number, breaks: BackendName, faults: readonly Fault[]): void {
  const opened = new AsyncDisposableStack();
  let place: Place;

  beforeAll(async () => {
    const backend = await startPrivateBackend(breaks);
    opened.defer(backend.close);
    const shared = opened.use(await ownBackends());
    const backends = { ...shared.env, [VARIABLES[breaks]]: backend.url };
    // Where purchases go on, a machine that is busy with other things may take its time for them.
    const timeout: Env = breaks === 'postgres' ? {} : { PULSECART_PURCHASE_TIMEOUT_MS: '15000' };
    const env = { PULSECART_WORKER: 'off', PULSECART_PAYMENTS: 'off', ...timeout };
    const shop = opened.use(await openDistributedShop({ backends, env, instances: 2, workers: 1 }));
    place = { backend, shop, random: randomFrom(seed) };
  }, OPEN_TIMEOUT_MS);
  afterAll(() => opened.disposeAsync(), OPEN_TIMEOUT_MS);

  faults.forEach((fault, i) => {
    test(
      fault.what,
      async () => {
        try {
          await inject(fault, place, { number: i, seed: 100 * seed + 2 * i });
        } catch (error) {
          keepLogs(place.shop);
          throw error;
        }
      },
      FAULT_TIMEOUT_MS,
    );
  });
}

async function inject(
  fault: Fault,
  place: Place,
  { number, seed }: { number: number; seed: number },
): Promise<void> {
  const { shop, random } = place;
  const asked = { productId: 1 + (number % (PROBED_PRODUCT - 1)), quantity: QUANTITY };
  const share = UNITS_SHARE_MIN + random() * (UNITS_SHARE_MAX - UNITS_SHARE_MIN);
  const units = QUANTITY * Math.round(USERS * share);
  const strikeAfterShare =
    STRIKE_AFTER_SHARE_MIN + random() * (STRIKE_AFTER_SHARE_MAX - STRIKE_AFTER_SHARE_MIN);
  await shop.reset(asked.productId, units);
  await shop.reset(PROBED_PRODUCT, PROBED_UNITS);
  const processesBefore = processesOf(shop);
  const probes = startProbes(shop.url, PROBED_PRODUCT);

  let struckAtMs = 0;
  let struckAt = '';
  const probed = () => probes.answered.filter(({ answeredAtMs }) => answeredAtMs > struckAtMs);
  const strike = async (progress: () => CrowdProgress) => {
    struckAtMs = performance.now();
    struckAt = new Date().toISOString();
    const sight = {
      probed,
      waiting: () => waitingOf(progress()),
      crowdIsOver: () => progress().offered === USERS,
      said: () => saidIn(shop, (time) => time >= struckAt),
      saidBefore: () => saidIn(shop, (time) => time < struckAt),
    };
    const evidence = await fault.strike(place, sight);
    return { evidence, backAtMs: performance.now() };
  };
  const options = { url: shop.url, ...asked, users: USERS, ratePerS: RATE_PER_S, seed };
  const { crowd, struck } = await strikeInCrowd(
    { ...options, mode: 'both', patienceMs: PATIENCE_MS },
    strikeAfterShare,
    strike,
  );
  const first = { record: crowd.record, seed };
  const { evidence, backAtMs } = struck;
  const wellMs = await recovery(probes, backAtMs);
  await probes.stop();
  await hearOutcomes(shop.url, first.record, asked);

  const second = await sellTheRest(shop, asked, seed + 1);
  await quiet(shop);
  const round = await readRound({ databaseUrl: shop.databaseUrl }, asked.productId);
  const felt = probed();
  console.log(
    JSON.stringify(reportOf(fault, { evidence, units, crowd, wellMs, probed: felt, second, round })),
  );

  expect(disagreements([first, second], asked, round)).toEqual([]);
  expectSoldToTheLast(round, first, second);
  expectProbesAnswered(probes, fault);
  await expectProbesKept(shop, probes);
  expect(Math.max(...Object.values(wellMs))).toBeLessThan(WELL_AFTER_MS);
  expect(await readStock(shop.url, asked.productId)).toBe(0);
  await eventually(() => gateIsTrue(shop, asked.productId));
  expect((await shop.readBooks()).breaches).toEqual([]);
  await expectRefusalsFinal(shop, asked, [first, second]);
  if (fault.ends !== 'instances') expect(processesOf(shop).instances).toEqual(processesBefore.instances);
  if (fault.ends !== 'worker') expect(processesOf(shop).workers).toEqual(processesBefore.workers);
  fault.expectFelt({ evidence, crowd, probes: felt, said: saidIn(shop, (time) => time >= struckAt) });
}

type WellMs = Readonly<Record<Question, number>>;

/** Waits until all is well; answers how long after the moment each question was last answered ill. */
async function recovery(probes: Probes, backAtMs: number): Promise<WellMs> {
  await eventually(() => probes.areWell(backAtMs));
  const wellMs = { sync: 0, async: 0, stock: 0 };
  for (const probe of probes.answered) {
    const sinceMs = Math.round(probe.answeredAtMs - backAtMs);
    if (!isWell(probe)) wellMs[probe.question] = Math.max(wellMs[probe.question], sinceMs);
  }
  return wellMs;
}

async function sellTheRest(
  shop: DistributedShop,
  asked: { productId: number; quantity: number },
  seed: number,
): Promise<Told> {
  const { units, orders } = await readRound({ databaseUrl: shop.databaseUrl }, asked.productId);
  const { record } = await runCrowd({
    url: shop.url,
    ...asked,
    users: units / asked.quantity - orders.length + TOO_MANY,
    ratePerS: SECOND_RATE_PER_S,
    mode: 'both',
    seed,
    patienceMs: PATIENCE_MS,
  });
  return { record, seed };
}

/** Nothing is in the queue any more, and everything that was taken in is counted. */
async function quiet(shop: DistributedShop): Promise<void> {
  await eventually(async () => {
    const depths = await readQueues(shop.url).catch(() => null);
    return depths?.purchases.waiting === 0;
  });
}

function expectSoldToTheLast({ units, orders }: Round, first: Told, second: Told): void {
  expect(orders.length * QUANTITY).toBe(units);
  const granted = ({ record }: Told) => record.count('sold', 'confirmed');
  const refused = ({ record }: Told) => record.count('refused', 'rejected');
  // "Sold out" is true for good in a round in which nobody gives anything back.
  if (refused(first) > 0) expect(granted(second)).toBe(0);
  // Whoever was left without an answer may have an order; of the second crowd that is nobody.
  expect(granted(second) + refused(second)).toBe(second.record.users);
  expect(refused(second)).toBeGreaterThanOrEqual(TOO_MANY);
  expect(granted(first) + granted(second)).toBeLessThanOrEqual(orders.length);
  expect(granted(first) + granted(second) + first.record.count('unknown')).toBeGreaterThanOrEqual(
    orders.length,
  );
}

function expectProbesAnswered({ answered }: Probes, { goesOn }: Fault): void {
  const strange = answered.filter((probe) => !isWell(probe) && !isExcused(probe));
  expect(strange).toEqual([]);
  const stopped = answered.filter((probe) => !isWell(probe) && goesOn.includes(probe.question));
  expect(stopped).toEqual([]);
}

/** Each probe that was told yes has its order. There are units for all of them. */
async function expectProbesKept(shop: DistributedShop, { answered }: Probes): Promise<void> {
  const { orders } = await readRound({ databaseUrl: shop.databaseUrl }, PROBED_PRODUCT);
  const ids = new Set(orders.map(({ id }) => id));
  expect(answered.filter(({ id }) => id !== null && !ids.has(id))).toEqual([]);
}

/** Units come back, and whatever may still be on its way arrives: whoever was refused has no order even then. */
async function expectRefusalsFinal(
  shop: DistributedShop,
  asked: { productId: number; quantity: number },
  crowds: readonly Told[],
): Promise<void> {
  const { status } = await shop.call('POST', `/api/v1/products/${asked.productId}/units`, {
    body: { delta: USERS, reason: 'units come back' },
  });
  expect(status).toBe(200);
  await quiet(shop);
  const round = await readRound({ databaseUrl: shop.databaseUrl }, asked.productId);
  expect(disagreements(crowds, asked, round)).toEqual([]);
}

/** The gate's entry, which claim.lua describes, says what the ledger says. */
async function gateIsTrue({ env, url }: DistributedShop, productId: number): Promise<boolean> {
  const redis = new Redis(env.REDIS_URL!);
  const entry = await redis.get(`${env.PULSECART_NAMESPACE}:{p:${productId}}:gate`);
  redis.disconnect();
  const [, available, free] = (entry ?? '').split(' ').map(Number);
  const stock = await readStock(url, productId);
  return available === stock && free === stock;
}

function processesOf(shop: DistributedShop) {
  return { instances: shop.instances(), workers: shop.workers.map(({ pid }) => pid).filter(isAlive) };
}

/** Messages of the log lines whose ISO times are asked for. */
function saidIn(shop: DistributedShop, isIn: (time: string) => boolean): string[] {
  return shop
    .logs()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { time: string; msg: string })
    .filter(({ time }) => isIn(time))
    .map(({ msg }) => msg);
}

interface Lived {
  readonly evidence: Evidence;
  readonly units: number;
  readonly crowd: CrowdResult;
  readonly wellMs: WellMs;
  readonly probed: readonly Probe[];
  readonly second: Told;
  readonly round: Round;
}

function reportOf({ what }: Fault, { evidence, units, crowd, wellMs, probed, second, round }: Lived) {
  const { record, retries, cuts } = crowd;
  const ill: Record<string, number> = {};
  const slowestMs: Record<string, number> = {};
  for (const probe of probed) {
    const { question, answer } = probe;
    const tookMs = Math.round(probe.answeredAtMs - probe.askedAtMs);
    slowestMs[question] = Math.max(slowestMs[question] ?? 0, tookMs);
    if (!isWell(probe)) ill[`${question} ${answer}`] = (ill[`${question} ${answer}`] ?? 0) + 1;
  }
  const granted = record.count('sold', 'confirmed');
  const refused = record.count('refused', 'rejected');
  const [overloaded, unknown] = [record.count('overloaded'), record.count('unknown')];
  const told = { granted, refused, overloaded, unknown, retries, cuts };
  const later = second.record.count('sold', 'confirmed');
  return { what, ...evidence, units, told, later, orders: round.orders.length, wellMs, ill, slowestMs };
}

function keepLogs(shop: DistributedShop): void {
  const file = join(mkdtempSync(join(tmpdir(), 'pulsecart-fault-')), 'logs.txt');
  writeFileSync(file, shop.logs());
  const TAIL_CHARS = 4_000;
  console.error(`${shop.logs().slice(-TAIL_CHARS)}\nthe logs are kept in ${file}`);
}
