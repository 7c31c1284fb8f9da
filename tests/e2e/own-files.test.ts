import { expect, test } from 'bun:test';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ServerProcess, startServer } from '../../bench/server-process.ts';
import { openStore } from '../../src/adapters/sqlite/store.ts';
import { readBooks } from '../support/books.ts';
import { createCaller } from '../support/caller.ts';
import { temporaryFolder } from '../support/folder.ts';
import { isRunning } from '../support/processes.ts';
import { eventually } from '../support/shop.ts';

/** A server whose files are deleted, moved or replaced under it tells nobody "bought" any more, and ends with a line. */

const BODY = { productId: 1, quantity: 1 };
const FILE = 'pulsecart.db';

/** What an operator may do to the data folder of a running server, by mistake. `spare` is another fixture's folder. */
const DEEDS: Record<string, (data: string, spare: string) => void> = {
  'the data folder is deleted': (data) => rmSync(data, { recursive: true }),
  'the data folder is moved away': (data) => renameSync(data, `${data}-away`),
  'the data folder is replaced by another': (data, spare) => {
    renameSync(data, `${data}-away`);
    renameSync(spare, data);
  },
  'everything in the data folder is deleted': (data) => {
    rmSync(data, { recursive: true });
    mkdirSync(data);
  },
  'the database is deleted': (data) => rmSync(join(data, FILE)),
  'the database is replaced by another': (data, spare) => renameSync(join(spare, FILE), join(data, FILE)),
  'its log is deleted': (data) => rmSync(join(data, `${FILE}-wal`)),
  "the log's index is deleted": (data) => rmSync(join(data, `${FILE}-shm`)),
  'the lock is deleted': (data) => rmSync(join(data, 'pulsecart.lock')),
};

for (const [what, deed] of Object.entries(DEEDS)) {
  test(`P6 when ${what}, a server that nobody asks ends with a line and status 1`, async () => {
    await using fixture = await openPaymentsFixture();
    deed(fixture.data, fixture.spare());
    await fixture.hasEnded();
  });

  test(`P6 when ${what}, no purchase after it is answered as bought or accepted`, async () => {
    await using fixture = await openPaymentsFixture();
    const spare = fixture.spare();
    for (let i = 0; i < 5; i++) expect((await fixture.buy('sync', BODY)).status).toBe(200);
    deed(fixture.data, spare);
    const channels = ['sync', 'async'] as const;
    const answers = await Promise.all(
      channels.map((channel) => fixture.buy(channel, BODY).catch(() => null)),
    );
    // Cut off, or nobody knows.
    for (const answer of answers) expect([undefined, 503]).toContain(answer?.status);
    await fixture.hasEnded();
  });
}

test('P6 a data folder that is moved away under a crowd has every purchase that was told, and can be served again', async () => {
  await using fixture = await openPaymentsFixture();
  const told: string[] = [];
  let stopped = false;
  const buyers = Array.from({ length: 20 }, async () => {
    while (!stopped) {
      const answer = await fixture.buy('sync', BODY).catch(() => null);
      if (answer?.status !== 200) return;
      told.push(answer.json.orderId);
    }
  });
  await eventually(() => told.length > 100);
  const away = `${fixture.data}-away`;
  renameSync(fixture.data, away);
  await fixture.hasEnded();
  stopped = true;
  await Promise.all(buyers);
  renameSync(away, fixture.data);
  await fixture.start();
  for (const orderId of told) expect((await fixture.get(`/api/v1/orders/${orderId}`)).status).toBe(200);
  expect((await readBooks(fixture.data)).breaches).toEqual([]);
});

test('P6 a log that is deleted takes no purchase with it that was told', async () => {
  await using fixture = await openPaymentsFixture();
  const answers = await Promise.all(Array.from({ length: 30 }, () => fixture.buy('sync', BODY)));
  rmSync(join(fixture.data, `${FILE}-wal`));
  await fixture.hasEnded();
  await fixture.start();
  for (const { json } of answers)
    expect((await fixture.get(`/api/v1/orders/${json.orderId}`)).status).toBe(200);
  expect((await readBooks(fixture.data)).breaches).toEqual([]);
});

test('P6 a log that was another database’s is not read into the one that took its place', async () => {
  await using fixture = await openPaymentsFixture();
  const spare = fixture.spare();
  for (let i = 0; i < 5; i++) expect((await fixture.buy('sync', BODY)).status).toBe(200);
  renameSync(join(spare, FILE), join(fixture.data, FILE));
  await fixture.hasEnded();
  await fixture.start();
  expect((await fixture.get('/api/v1/sync/stock/1')).json.stock).toBe(1000);
  expect((await readBooks(fixture.data)).breaches).toEqual([]);
});

test('P6 a server that starts in the place of a deleted folder sells alone: the first one ends', async () => {
  await using fixture = await openPaymentsFixture();
  expect((await fixture.buy('sync', BODY)).status).toBe(200);
  rmSync(fixture.data, { recursive: true });
  const second = await startServer({ dataFolder: fixture.data });
  try {
    await fixture.hasEnded();
    const shop = createCaller(() => second);
    expect((await shop.buy('sync', BODY)).json.remainingStock).toBe(999);
    expect((await shop.get('/actuator/health/readiness')).status).toBe(200);
  } finally {
    await second.kill();
  }
  expect((await readBooks(fixture.data)).breaches).toEqual([]);
});

/** A server on a data folder that the test may do anything to. */
async function openPaymentsFixture() {
  const folder = temporaryFolder();
  const data = join(folder.path, 'data');
  let server: ServerProcess = await startServer({ dataFolder: data });
  return {
    ...createCaller(() => server),
    data,
    /** A folder with the database of a fixture in which nothing was sold. */
    spare(): string {
      const spare = join(folder.path, 'spare');
      openStore(spare).close();
      return spare;
    },
    async start(): Promise<void> {
      server = await startServer({ dataFolder: data });
    },
    /** By itself, with exit status 1 and one line that says why. */
    async hasEnded(): Promise<void> {
      await eventually(() => !isRunning(server.pid));
      expect(await server.kill()).toBe(1);
      const last = server
        .log()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .filter(({ level }) => level >= 60);
      expect(last).toEqual([expect.objectContaining({ msg: expect.stringContaining(data) })]);
      expect(server.messages()).toBe('');
    },
    async [Symbol.asyncDispose]() {
      await server.kill();
      folder[Symbol.dispose]();
    },
  };
}
