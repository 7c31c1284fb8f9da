import { expect, test } from 'bun:test';
import type { Mode } from '../../bench/arrivals.ts';
import { runCrowd } from '../../bench/crowd.ts';
import { readQueues, readStock, resetStock } from '../../bench/server-api.ts';
import { type ServerProcess, startServer } from '../../bench/server-process.ts';
import { randomFrom } from '../../src/lib/random.ts';
import { readBooks } from '../support/books.ts';
import { temporaryFolder } from '../support/folder.ts';
import { strikeInCrowd } from '../support/mid-crowd.ts';
import { disagreements, hearOutcomes, readRound, type Told } from '../support/reconciliation.ts';
import { seedOf } from '../support/seed.ts';
import { eventually } from '../support/shop.ts';

/**
 * `kill -9` in the middle of a crowd, at a moment drawn by a seed, and a new server on the same data: what was answered
 * holds, what was accepted ends, and the units that nobody got are sold to those who come afterwards.
 */

/** Each mode twice; `npm run chaos -- --rounds 20 --file tests/faults/kill.test.ts` kills 120 times. */
const ROUNDS = 6;
const MODES: readonly Mode[] = ['sync', 'async', 'both'];
const ASKED = { productId: 1, quantity: 2 };
const USERS = 1_600;
const RATE_PER_S = 4_000;
/** The kill comes when at most this much of the crowd has come, so that there is a crowd left to be cut. */
const KILL_SHARE_MAX = 0.8;
/** The system closes a killed server's connections at once; this is for the crowd to notice. */
const CUTS_ARE_SEEN_MS = 400;
/** Enough that some rounds are killed while units are left, and some after the sell-out. */
const UNITS_MAX = 2 * USERS;
/** In these rounds, an async one and a mixed one, nobody decides what is accepted: the server that comes back finds a backlog. */
const BACKLOG_ROUNDS = [1, 5];
/** How often the server that comes back is killed, too, while it works off what it found. */
const SECOND_KILL_SHARE = 0.3;
const SECOND_KILL_MS_MAX = 30;

const seed = seedOf(import.meta.path);

interface RoundReport {
  readonly mode: Mode;
  /** So much of the crowd had come at the kill. */
  readonly killAtShare: number;
  /** Purchases in flight at the kill: their buyers do not know. */
  readonly cut: number;
  /** 202s whose outcome nobody had heard at the kill. */
  readonly owed: number;
  /** Orders found by the server that came back. */
  readonly found: number;
  /** Purchases that it had to decide. */
  readonly waiting: number;
}

test(`a server that is killed ${ROUNDS} times in the middle of a crowd keeps every answer`, async () => {
  const random = randomFrom(seed);
  const folder = temporaryFolder();
  const server = { now: await startServer({ dataFolder: folder.path }) };
  try {
    const reports: RoundReport[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const mode = MODES[round % MODES.length]!;
      reports.push(await killInTheMiddle(server, folder.path, mode, round, random));
    }
    expect(await server.now.stop()).toBe(0);
    expectNotVacuous(reports);
  } catch (error) {
    await server.now.kill();
    console.error(`the data is kept in ${folder.path}`);
    throw error;
  }
  folder[Symbol.dispose]();
}, 240_000);

async function killInTheMiddle(
  server: { now: ServerProcess },
  folder: string,
  mode: Mode,
  round: number,
  random: () => number,
): Promise<RoundReport> {
  const units = 2 * Math.ceil((random() * UNITS_MAX) / 2);
  const killAtShare = Number((random() * KILL_SHARE_MAX).toFixed(2));
  const backlog = BACKLOG_ROUNDS.includes(round);
  const killAgain = backlog || random() < SECOND_KILL_SHARE;
  if (backlog) {
    expect(await server.now.stop()).toBe(0);
    server.now = await startServer({ dataFolder: folder, env: { PULSECART_WORKER: 'off' } });
  }
  await resetStock(server.now.url, ASKED.productId, units);

  const first = await crowdCutShort(server.now, { mode, seed: crowdSeed(round, 0), killAtShare });
  const cut = first.record.count('unknown');
  const owed = first.record.count('accepted');
  server.now = await startServer({ dataFolder: folder });
  const found = (await readRound({ dataFolder: folder }, ASKED.productId)).orders.length;
  const { waiting } = (await readQueues(server.now.url)).purchases;
  if (killAgain) {
    await Bun.sleep(random() * SECOND_KILL_MS_MAX);
    await crash(server.now);
    server.now = await startServer({ dataFolder: folder });
  }
  await hearOutcomes(server.now.url, first.record, ASKED);
  // Purchases of buyers who were cut before their 202 are decided, too; only then is it known what is left.
  await eventually(async () => (await readQueues(server.now.url)).purchases.waiting === 0);
  await expectAgreement(server.now, folder, [first]);

  const left = await readRound({ dataFolder: folder }, ASKED.productId);
  const unsold = left.units / ASKED.quantity - left.orders.length;
  const second = {
    seed: crowdSeed(round, 1),
    ...(await runCrowd({
      ...crowdAt(server.now, mode, crowdSeed(round, 1)),
      users: unsold + 20,
      patienceMs: 30_000,
    })),
  };
  expect(second.record.count('sold', 'confirmed')).toBe(unsold);
  expect(second.record.count('refused', 'rejected')).toBe(20);
  expect((await readRound({ dataFolder: folder }, ASKED.productId)).orders.length * ASKED.quantity).toBe(
    units,
  );
  await expectAgreement(server.now, folder, [first, second]);
  const report = { mode, killAtShare, cut, owed, found, waiting };
  console.log(JSON.stringify(report));
  return report;
}

/** A crowd whose server is killed when so much of it has come. Those who come later find nobody. */
async function crowdCutShort(
  server: ServerProcess,
  { mode, seed, killAtShare }: { mode: Mode; seed: number; killAtShare: number },
): Promise<Told> {
  const options = { ...crowdAt(server, mode, seed), users: USERS, patienceMs: CUTS_ARE_SEEN_MS };
  const { crowd } = await strikeInCrowd(options, killAtShare, () => crash(server));
  return { record: crowd.record, seed };
}

/** The process that holds the data is the one that is killed: no launcher in between. */
async function crash(server: ServerProcess): Promise<void> {
  process.kill(server.pid, 'SIGKILL');
  expect(await server.kill()).toBe('SIGKILL');
}

async function expectAgreement(
  server: ServerProcess,
  folder: string,
  crowds: readonly Told[],
): Promise<void> {
  const round = await readRound({ dataFolder: folder }, ASKED.productId);
  expect(disagreements(crowds, ASKED, round)).toEqual([]);
  const granted = crowds.reduce((sum, { record }) => sum + record.count('sold', 'confirmed'), 0);
  const unknown = crowds.reduce((sum, { record }) => sum + record.count('unknown'), 0);
  expect(round.orders.length).toBeGreaterThanOrEqual(granted);
  expect(round.orders.length).toBeLessThanOrEqual(granted + unknown);
  const free = round.units - round.orders.length * ASKED.quantity;
  expect(await readStock(server.url, ASKED.productId)).toBe(free);
  expect((await readBooks(folder)).breaches).toEqual([]);
}

/** A kill that hits an idle server, or one whose books are empty, shows nothing. */
function expectNotVacuous(reports: readonly RoundReport[]): void {
  const rounds = (holds: (report: RoundReport) => boolean) => reports.filter(holds).length;
  // Somebody was waiting for an answer at each kill.
  expect(rounds(({ cut }) => cut > 0)).toBe(ROUNDS);
  expect(rounds(({ found }) => found > 0)).toBeGreaterThanOrEqual(ROUNDS / 3);
  expect(rounds(({ owed }) => owed > 0)).toBeGreaterThanOrEqual(1);
  expect(rounds(({ waiting }) => waiting > 0)).toBeGreaterThanOrEqual(1);
}

function crowdAt(server: ServerProcess, mode: Mode, seed: number) {
  return { url: server.url, ...ASKED, ratePerS: RATE_PER_S, mode, seed };
}

/** Distinct buyers in every crowd. */
function crowdSeed(round: number, crowd: number): number {
  return 10 * round + crowd;
}
