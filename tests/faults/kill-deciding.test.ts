import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readQueues, readStock } from '../../bench/server-api.ts';
import { type ServerProcess, startServer } from '../../bench/server-process.ts';
import { readBooks } from '../support/books.ts';
import { createCaller } from '../support/caller.ts';
import { runPulsecart } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually } from '../support/shop.ts';
import { attachStrace, whyNoStrace } from '../support/strace.ts';

/**
 * `kill -9` at each step of an accepted purchase on the embedded backends. Its store thread makes three commits, each of them writes to
 * the log that end with a sync:
 *
 *     publish; 202    take, count the delivery    decide, acknowledge; the news to the serving thread
 *
 * strace slows these calls down, for as long as it takes to see where the thread is and to kill the process there.
 */

/** What of the purchase is in the files of the killed server. */
type Left = 'untaken' | 'taken' | 'order';

interface Step {
  readonly what: string;
  /** strace's delays. */
  readonly slowed: string;
  /** Looked at again and again from the 202 on. */
  isReached(sight: Sight): boolean;
  readonly left: Left;
}

interface Sight {
  /** What other processes see in the files. */
  readonly left: Left;
  /** The calls of this purchase's time, with what they wrote. */
  readonly calls: string;
  readonly isAnswered: boolean;
}

const SLOW_WRITES = 'inject=pwrite64:delay_enter=40ms';
const SYNCS = 'fsync,fdatasync';
/** The page of a new order: its last columns are these. */
const ORDER_WRITTEN = 'asyncreserved';
const ORDER_IN_SYNC = /asyncreserved.*f(data)?sync\(\d+$/s;
const ORDER_SYNCED = /asyncreserved.*f(data)?sync\(\d+\) += 0/s;

const STEPS: readonly Step[] = [
  { what: 'accepted, and not taken', slowed: SLOW_WRITES, isReached: () => true, left: 'untaken' },
  { what: 'taken', slowed: SLOW_WRITES, isReached: ({ left }) => left === 'taken', left: 'taken' },
  {
    what: 'the deciding commit partly written',
    slowed: SLOW_WRITES,
    isReached: ({ calls }) => calls.includes(ORDER_WRITTEN),
    left: 'taken',
  },
  {
    // The system keeps what a killed process wrote, synced or not.
    what: 'the deciding commit written, and not synced',
    slowed: `inject=${SYNCS}:delay_enter=150ms`,
    isReached: ({ calls, left }) => left === 'taken' && ORDER_IN_SYNC.test(calls),
    left: 'order',
  },
  {
    what: 'the deciding commit synced, and no news of it',
    slowed: `inject=${SYNCS}:delay_exit=150ms`,
    isReached: ({ calls, left }) => left === 'taken' && ORDER_SYNCED.test(calls),
    left: 'order',
  },
  {
    what: 'the news heard',
    slowed: SLOW_WRITES,
    isReached: ({ isAnswered }) => isAnswered,
    left: 'order',
  },
];

/** A busy machine lets a step go by unseen. */
const TRIES_MAX = 6;
const PRODUCT = 1;
const UNITS = 1_000;
/** A charge would be one more commit. */
const ENV = { PULSECART_PAYMENTS: 'off' };

test.skipIf(whyNoStrace !== null)(
  'a purchase is decided once, whichever step the server that accepted it is killed at',
  async () => {
    using folder = temporaryFolder();
    const start = () => startServer({ dataFolder: folder.path, env: ENV });
    const accepted: string[] = [];
    let server = await start();
    try {
      for (const step of STEPS) {
        let left: Left | undefined;
        for (let tries = 0; left !== step.left && tries < TRIES_MAX; tries++) {
          const killed = await killAt(step, server, folder.path);
          accepted.push(killed.id);
          left = killed.left;
          server = await start();
          await expectEachDecided(accepted, server, folder.path);
        }
        expect([step.what, left]).toEqual([step.what, step.left]);
      }
      const { breaches, found } = await readBooks(folder.path, accepted);
      expect(breaches).toEqual([]);
      expect(accepted.map((id) => found.get(id)?.kind)).toEqual(accepted.map(() => 'order'));
    } finally {
      await server.kill();
    }
  },
  180_000,
);

/** `left` is undefined where the step went by unseen. */
async function killAt(step: Step, server: ServerProcess, dataFolder: string) {
  using traces = temporaryFolder();
  const trace = join(traces.path, 'trace');
  const options = ['-e', `trace=pwrite64,${SYNCS}`, '-e', step.slowed, '-s', '4096', '-o', trace];
  await using _slow = await attachStrace(storeThreadOf(server.pid), options);
  const { buy, get } = createCaller(() => server);
  const { status, json } = await buy('async', { productId: PRODUCT, quantity: 1 });
  expect(status).toBe(202);
  const id: string = json.trackingId;
  let isAnswered = false;
  const hearing = get(`/api/v1/async/purchase/${id}?wait=10s`).then(
    (answer) => {
      isAnswered = answer.json.status === 'confirmed';
    },
    () => {},
  );
  let sight: Sight | undefined;
  await eventually(() => {
    sight = { left: leftOf(dataFolder, id), calls: readFileSync(trace, 'latin1'), isAnswered };
    return step.isReached(sight) || isAnswered;
  });
  process.kill(server.pid, 'SIGKILL');
  expect(await server.kill()).toBe('SIGKILL');
  await hearing;
  // An answer that came meanwhile was sent before the kill.
  const isHit = step.isReached(sight!) && sight!.isAnswered === isAnswered;
  return { id, left: isHit ? leftOf(dataFolder, id) : undefined };
}

/** The one that Bun calls so; the others, which are not traced, stay as fast as they are. */
function storeThreadOf(pid: number): number {
  const threads = `/proc/${pid}/task`;
  const workers = readdirSync(threads).filter(
    (thread) => readFileSync(join(threads, thread, 'comm'), 'utf8') === 'Worker\n',
  );
  expect(workers).toHaveLength(1);
  return Number(workers[0]);
}

/**
 * Leaves no connection behind: where one is open, here or in another process, a new server takes the log's index for right, and so
 * does not recover.
 */
function leftOf(dataFolder: string, id: string): Left {
  const db = new Database(join(dataFolder, 'pulsecart.db'), { readonly: true });
  try {
    db.exec('PRAGMA busy_timeout = 5000');
    using found = db.prepare<{ orders: number; deliveries: number | null }, [string]>(`
      SELECT (SELECT count(*) FROM orders WHERE id = ?) AS orders,
        (SELECT max(deliveries) FROM messages WHERE queue = 'purchases') AS deliveries`);
    const { orders, deliveries } = found.get(id)!;
    if (orders === 1) return 'order';
    expect(deliveries).not.toBeNull();
    return deliveries === 0 ? 'untaken' : 'taken';
  } finally {
    db.close(true);
  }
}

async function expectEachDecided(ids: readonly string[], server: ServerProcess, dataFolder: string) {
  const { get } = createCaller(() => server);
  for (const id of ids) {
    const { json } = await get(`/api/v1/async/purchase/${id}?wait=10s`);
    expect([id, json.status]).toEqual([id, 'confirmed']);
  }
  // The worker, which decides what is redelivered, acknowledges in a later commit.
  await eventually(async () => (await readQueues(server.url)).purchases.waiting === 0);
  const { length } = ids;
  expect((await readQueues(server.url)).purchases).toEqual({ accepted: length, decided: length, waiting: 0 });
  // In a process of its own: see `leftOf`.
  expect((await runPulsecart(['audit', '--data', dataFolder])).exit).toBe(0);
  expect(await readStock(server.url, PRODUCT)).toBe(UNITS - length);
}
