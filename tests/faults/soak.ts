import { expect } from 'bun:test';
import { randomFrom } from '../../src/lib/random.ts';
import { lastTold } from '../support/event-stream.ts';
import type { Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';
import {
  buyOn,
  cancelOn,
  type Day,
  manageOn,
  newTold,
  OPERATOR_TOKEN,
  refundOn,
  type Told,
  tidyOn,
  type Viewer,
  watchOn,
} from './soak-people.ts';

/**
 * Everything at once: buyers of both ways, cancellations, refunds, operators who change products, viewers, a payment company
 * that declines, fails, keeps silent, answers late and twice and is away for a while, and holds that run out under charges. Two
 * `kill -9` and one orderly restart in the middle. Then the company is well again and nobody does anything any more: every order
 * comes to one end, what was answered has happened, the log and the products agree, viewers know what the ledger knows, and the
 * books, the money among them, balance.
 */
export interface Soak {
  readonly shop: Shop;
  readonly seed: number;
  /** Kills a process of ours, and sees to it that there is another one. */
  crash(n: number): Promise<void>;
  /** Replaces all processes in order, by ones that run with these settings. */
  restart(env: Record<string, string>): Promise<void>;
}

const CALM = {
  PULSECART_OPERATOR_TOKEN: OPERATOR_TOKEN,
  PULSECART_PAYMENT_LEASE_MS: '1000',
  PULSECART_SIMULATOR_TIMEOUT_MS: '300',
};
/** A minute of the company begins with six seconds in which it is away. */
export const TURBULENT = {
  ...CALM,
  PULSECART_SIMULATOR_LATENCY_MS: '20',
  PULSECART_SIMULATOR_JITTER_MS: '200',
  PULSECART_SIMULATOR_DECLINE_RATE: '0.1',
  PULSECART_SIMULATOR_TIMEOUT_RATE: '0.06',
  PULSECART_SIMULATOR_ERROR_RATE: '0.1',
  PULSECART_SIMULATOR_DUPLICATE_RATE: '0.1',
  PULSECART_SIMULATOR_TOO_LATE_RATE: '0.05',
  PULSECART_SIMULATOR_OUTAGE_RATE: '0.1',
};

/** The first one's holds end while its charges are on their way. */
const HOLD_SECONDS = [1, 20];
const UNITS = 400;
const BUYERS = 10;
const VIEWERS = 5;
/** Between one blow and the next, at least. */
const STRETCH_MS = 2_500;
const STRETCH_DEADLINE_MS = 60_000;
/** Bought in a stretch, so that each end comes about. */
const PURCHASES_MIN = 50;
/** A charge without an answer is asked again when its lease has ended, and so is a refund. Some need both. */
const SETTLED_DEADLINE_MS = 60_000;
export const SOAK_TIMEOUT_MS = 240_000;

export async function runSoak({ shop, seed, crash, restart }: Soak): Promise<void> {
  const random = randomFrom(seed);
  const products = [];
  for (const holdSeconds of HOLD_SECONDS) products.push(await createProduct(shop, holdSeconds));
  const told = newTold();
  let isOver = false;
  const day: Day = { shop, products, random, told, isOver: () => isOver };
  using leaving = new DisposableStack();
  const viewers = Array.from({ length: VIEWERS }, () => leaving.use(watchOn(day)));
  const people = [
    ...Array.from({ length: BUYERS }, (_, i) => buyOn(day, `${seed}-${i}`)),
    ...[cancelOn(day), cancelOn(day), refundOn(day), manageOn(day), tidyOn(day)],
  ];

  try {
    for (const n of [0, 1]) {
      await stretch(told, viewers);
      await Bun.sleep((STRETCH_MS * random()) / 2);
      await crash(n);
    }
    await stretch(told, viewers);
    await restart(CALM);
    await stretch(told, viewers);
  } finally {
    isOver = true;
  }
  await Promise.all(people);
  expect(told.strange).toEqual([]);

  const orders = await settled(day);
  console.log(JSON.stringify(reportOf(day, orders, viewers)));
  expectWhatWasAnswered(told, orders);
  await expectLogAndProductsAgree(day, orders);
  await expectViewersKnow(day, viewers);
  expect((await shop.readBooks()).breaches).toEqual([]);
  expectNotVacuous(day, orders, viewers);
}

/** Time goes by, until enough was bought in it, everybody else has done something, and every viewer is there. */
async function stretch({ purchases, cancelled, refunded, done }: Told, viewers: readonly Viewer[]) {
  const enough = purchases.size + PURCHASES_MIN;
  await Bun.sleep(STRETCH_MS);
  await until(() => {
    const haveActed = [cancelled, refunded, done].every(({ size }) => size > 0);
    return purchases.size >= enough && haveActed && viewers.every(({ isThere }) => isThere);
  }, STRETCH_DEADLINE_MS);
}

async function createProduct(shop: Shop, holdSeconds: number): Promise<number> {
  const body = {
    name: `held for ${holdSeconds} s`,
    priceMinor: 1_000,
    currency: 'EUR',
    units: UNITS,
    holdSeconds,
    reason: 'the day begins',
  };
  const { status, json } = await shop.call('POST', '/api/v1/products', { body, headers: AS_OPERATOR });
  expect(status).toBe(201);
  return json.productId;
}

const AS_OPERATOR = { Authorization: `Bearer ${OPERATOR_TOKEN}` };

/** The status in which each order ended, by id. Purchases that got none are not in it. */
type Ends = ReadonlyMap<string, string>;
const FINAL = ['paid', 'declined', 'expired', 'cancelled', 'refunded'];

async function settled({ shop, told, products }: Day): Promise<Ends> {
  await until(async () => {
    const { purchases } = (await shop.get('/api/v1/async/queue/status')).json;
    return purchases.waiting === 0;
  }, SETTLED_DEADLINE_MS);
  const ends = new Map<string, string>();
  const open = new Set(told.purchases.keys());
  const deadline = performance.now() + SETTLED_DEADLINE_MS;
  while (open.size > 0 && performance.now() < deadline) {
    for (const id of open) {
      const { status, json } = await shop.get(`/api/v1/orders/${id}`);
      if (status === 404) expect(told.purchases.get(id)!.channel).toBe('async');
      else if (FINAL.includes(json.status)) ends.set(id, json.status);
      else continue;
      open.delete(id);
    }
    await Bun.sleep(200);
  }
  const stranded = [...open].map((id) => shop.get(`/api/v1/orders/${id}`).then(({ text }) => text));
  expect(await Promise.all(stranded)).toEqual([]);
  for (const id of products) expect((await read(shop, id)).reserved).toBe(0);
  return ends;
}

async function read(shop: Shop, productId: number) {
  return (await shop.get(`/api/v1/products/${productId}`)).json;
}

/** Money that came too late for a cancelled order went back. */
function expectWhatWasAnswered(told: Told, ends: Ends): void {
  for (const [id, { channel }] of told.purchases) {
    if (channel === 'sync') expect(FINAL).toContain(`${ends.get(id)}`);
  }
  for (const id of told.cancelled) expect(['cancelled', 'refunded']).toContain(`${ends.get(id)}`);
  for (const id of told.refunded) expect(ends.get(id)).toBe('refunded');
}

interface Entry {
  readonly id: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string;
  readonly details: { readonly delta?: number };
}

/** Whatever was answered is written down once; whatever is written down has happened. */
async function expectLogAndProductsAgree({ shop, told, products }: Day, ends: Ends): Promise<void> {
  const log = await readLog(shop);
  const reasons = log.filter(({ subject }) => subject.startsWith('product/')).map(({ reason }) => reason);
  const steps = reasons.filter((reason) => reason.startsWith('step '));
  expect(steps.length).toBe(new Set(steps).size);
  expect([...told.done].filter((reason) => !steps.includes(reason))).toEqual([]);
  for (const productId of products) {
    const entries = log.filter(({ subject }) => subject === `product/${productId}`);
    const added = entries.reduce((sum, { details }) => sum + (details.delta ?? 0), 0);
    expect((await read(shop, productId)).total).toBe(UNITS + added);
  }
  const ended = log.filter(({ subject }) => subject.startsWith('order/'));
  for (const { action, subject } of ended) {
    const end = ends.get(subject.slice('order/'.length))!;
    expect(action === 'order.refund' ? ['refunded'] : ['cancelled', 'refunded']).toContain(end);
  }
  const once = new Set(ended.map(({ action, subject }) => `${action} ${subject}`));
  expect(ended.length).toBe(once.size);
}

async function readLog(shop: Shop): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let next: string | null = ''; next !== null; ) {
    const path: string = `/api/v1/ops/log?limit=1000${next && `&before=${next}`}`;
    const { json } = await shop.call('GET', path, { headers: AS_OPERATOR });
    entries.push(...json.operations);
    next = json.next;
  }
  return entries;
}

/** `lastTold` also sees to it that no version went back on a connection. */
async function expectViewersKnow({ shop, products }: Day, viewers: readonly Viewer[]): Promise<void> {
  for (const productId of products) {
    const { available, version } = await read(shop, productId);
    for (const viewer of viewers) {
      await until(() => {
        const last = viewer.reader && lastTold(viewer.reader, productId);
        return last !== null && last.available === available && last.version === version;
      }, SETTLED_DEADLINE_MS);
    }
  }
}

function reportOf({ told }: Day, ends: Ends, viewers: readonly Viewer[]) {
  const { purchases, cancelled, refunded, done, cuts } = told;
  const by = Object.fromEntries(
    FINAL.map((status) => [status, [...ends.values()].filter((end) => end === status).length]),
  );
  return {
    purchases: purchases.size,
    cancelled: cancelled.size,
    refunded: refunded.size,
    steps: done.size,
    cuts,
    ends: by,
    connections: viewers.map(({ connections }) => connections),
  };
}

/** A day on which something did not happen shows nothing of it. */
function expectNotVacuous({ told }: Day, ends: Ends, viewers: readonly Viewer[]): void {
  for (const status of FINAL) expect([...ends.values()]).toContain(status);
  expect(told.cuts).toBeGreaterThan(0);
  expect(told.cancelled.size).toBeGreaterThan(0);
  expect(told.refunded.size).toBeGreaterThan(0);
  expect(told.done.size).toBeGreaterThan(0);
  for (const { connections } of viewers) expect(connections).toBeGreaterThan(1);
}
