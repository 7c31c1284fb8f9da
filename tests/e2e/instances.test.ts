import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { Client } from 'pg';
import { ClosedLoop } from '../../bench/closed-loop.ts';
import { runCrowd } from '../../bench/crowd.ts';
import { ASYNC_PURCHASE, purchaseRequest, SYNC_PURCHASE, targetOf } from '../../bench/requests.ts';
import type { ServerProcess } from '../../bench/server-process.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { runPulsecart } from '../support/command.ts';
import { type DistributedShop, openDistributedShop } from '../support/distributed-shop.ts';
import { temporaryFolder } from '../support/folder.ts';
import { strikeInCrowd } from '../support/mid-crowd.ts';
import { connectRaw, type RawAnswer, rawRequest } from '../support/raw-http.ts';
import { disagreements, hearOutcomes, readRound } from '../support/reconciliation.ts';
import { eventually } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** Several processes on the same backends: they share a port, the work and the leader leases, and come and go. */

/** A busy machine may take its time for a purchase; that is no request that fails. */
const PATIENT = { PULSECART_PURCHASE_TIMEOUT_MS: '30000' };
const OPEN_TIMEOUT_MS = 90_000;
const PLENTY = 2_000_000_000;

onDistributedBackends(() => {
  describe('several processes of the API', () => {
    let shop: DistributedShop;
    beforeAll(async () => {
      shop = await openDistributedShop({ instances: 2, env: PATIENT });
      await shop.reset(1, PLENTY);
    }, OPEN_TIMEOUT_MS);
    afterAll(() => shop[Symbol.asyncDispose](), OPEN_TIMEOUT_MS);

    test('answer at one address', async () => {
      expect(shop.instances()).toHaveLength(2);
      await using connections = await connectMany(shop.url);
      expect(await connections.buy()).toEqual(EACH_SOLD);
      // Each process counts what it answered itself.
      const counts = new Set(await connections.purchasesAnswered());
      expect(counts.size).toBe(2);
      expect([...counts].reduce((sum, count) => sum + count)).toBe(CONNECTIONS);
    });

    test('are one shop: what one of them answered, took in or changed, the other knows', async () => {
      await using connections = await connectMany(shop.url);
      const request = { productId: 3, quantity: 1, userId: 'ann' };
      const key = { 'Idempotency-Key': 'everywhere' };
      for (const channel of ['sync', 'async'] as const) {
        const first = await shop.buy(channel, request, key);
        expect(first.status).toBe(channel === 'sync' ? 200 : 202);
        const again = await connections.ask(purchase(channel, request, key));
        // A process that is asked several times at once says so to all but one.
        const others = again.filter((answer) => answer?.status !== 409);
        expect(new Set(others.map((answer) => answer?.body))).toEqual(new Set([first.text]));
      }
      const { trackingId } = (await shop.buy('async', request)).json;
      const outcomes = await connections.ask(rawRequest(`GET ${ASYNC_PURCHASE}/${trackingId}?wait=10s`, {}));
      expect(isEach(outcomes, '"status":"confirmed"')).toBe(true);

      await shop.reset(3, 0);
      const stock = rawRequest('GET /api/v1/sync/stock/3', {});
      await eventually(async () => isEach(await connections.ask(stock), '"stock":0'));
      expect(isEach(await connections.ask(purchase('sync', request)), '"sold_out"')).toBe(true);
      await shop.reset(3, CONNECTIONS);
      await eventually(async () => isEach(await connections.ask(stock), `"stock":${CONNECTIONS}`));
      const answers = await connections.ask(purchase('sync', request));
      expect(answers.map((answer) => answer?.status)).toEqual(EACH_SOLD);
    });

    test(
      'stand in for one that is killed, until it is replaced',
      async () => {
        await using connections = await connectMany(shop.url);
        const [killed, survivor] = shop.instances() as [number, number];
        process.kill(killed, 'SIGKILL');
        const statuses = new Set(await connections.buy());
        expect(statuses).toEqual(new Set([null, 200]));
        await eventually(() => logged(shop.server, 'instance started') === 1);
        expect(shop.instances()).toHaveLength(2);
        expect(shop.instances()).toContain(survivor);
        expect(shop.instances()).not.toContain(killed);
        await using later = await connectMany(shop.url);
        expect(await later.buy()).toEqual(EACH_SOLD);
        expect(new Set(await later.purchasesAnswered()).size).toBe(2);
      },
      OPEN_TIMEOUT_MS,
    );

    test(
      'are replaced one after the other on SIGHUP, and no request fails of it',
      async () => {
        const before = shop.instances();
        const target = targetOf(shop.url);
        const ways = [
          { path: SYNC_PURCHASE, expectStatus: 200 },
          { path: ASYNC_PURCHASE, expectStatus: 202 },
        ];
        const loops = await Promise.all(
          ways.map(({ path, expectStatus }) => {
            const request = purchaseRequest(target, { path, productId: 1, quantity: 1, seed: 1 });
            return ClosedLoop.open(target, LOOP_CONNECTIONS, { request, expectStatus });
          }),
        );
        process.kill(shop.server.pid, 'SIGHUP');
        const answered = await Promise.all(
          loops.map(async (loop) => {
            let requests = 0;
            for (let isOver = false; !isOver; ) {
              isOver = logged(shop.server, 'all instances replaced') > 0;
              const slice = await loop.run({ durationMs: SLICE_MS });
              expect(slice.errors).toEqual({});
              requests += slice.requests;
            }
            loop.close();
            return requests;
          }),
        );
        expect(Math.min(...answered)).toBeGreaterThan(LOOP_CONNECTIONS);
        expect(shop.instances()).toHaveLength(2);
        expect(shop.instances().filter((pid) => before.includes(pid))).toEqual([]);
        expect(logged(shop.server, 'instance replaced')).toBe(2);
      },
      OPEN_TIMEOUT_MS,
    );

    test('do not share their port with somebody else’s', async () => {
      const { port } = new URL(shop.url);
      using folder = temporaryFolder();
      for (const args of [[], ['--instances', '2']]) {
        const command = ['serve', '--port', port, '--data', folder.path, ...args];
        const { exit, stderr } = await runPulsecart(command, { ...shop.env });
        expect({ exit, stderr }).toEqual({
          exit: 1,
          stderr: expect.stringMatching(
            /^pulsecart: Cannot listen on 127\.0\.0\.1:\d+: the port is in use.*\n$/,
          ),
        });
      }
    });

    test(
      'all end on SIGTERM, in the middle of a crowd, with an answer to whatever they had let in',
      async () => {
        const asked = { productId: 2, quantity: 1 };
        await shop.reset(asked.productId, CROWD);
        const options = { url: shop.url, ...asked, users: CROWD, ratePerS: CROWD_PER_S, seed: 2 };
        const { crowd, struck } = await strikeInCrowd(
          { ...options, mode: 'both', patienceMs: 30_000 },
          STOP_AFTER_SHARE,
          () => shop.restart(),
        );
        const { record, cuts } = crowd;
        expect(struck).toBe(0);
        expect(cuts).toBeGreaterThan(0);
        expect(record.count('none')).toBe(0);
        await hearOutcomes(shop.url, record, asked);
        await eventually(
          async () => (await shop.get('/api/v1/async/queue/status')).json.purchases?.waiting === 0,
        );
        const round = await readRound({ databaseUrl: shop.databaseUrl }, asked.productId);
        expect(disagreements([{ record, seed: 2 }], asked, round)).toEqual([]);
        // Whoever was cut had not been let in: every order has been told to its buyer.
        expect(round.orders.length).toBe(record.count('sold', 'confirmed'));
        expect(round.orders.length).toBeGreaterThan(CROWD / 2);
        expect((await shop.readBooks()).breaches).toEqual([]);
      },
      OPEN_TIMEOUT_MS,
    );
  });

  describe('workers', () => {
    test(
      'share the work, and what one of them leaves undone on SIGTERM comes to the other',
      async () => {
        await using shop = await openDistributedShop({
          env: { PULSECART_WORKER: 'off', PULSECART_PAYMENTS: 'off', PULSECART_PREFETCH: '2' },
        });
        const asked = { productId: 1, quantity: 1 };
        await shop.reset(asked.productId, CROWD);
        const [first, second] = (await Promise.all([shop.addWorker(), shop.addWorker()])) as [
          ServerProcess,
          ServerProcess,
        ];
        const held = await shop.holdWrites();
        const crowd = runCrowd({
          url: shop.url,
          ...asked,
          users: CROWD,
          ratePerS: CROWD_PER_S,
          mode: 'async',
          seed: 3,
          patienceMs: 30_000,
        });
        // Both have some of it in hand, and cannot get on with it. A decision waits for the ledger for some seconds only.
        await eventually(async () => {
          const { queues } = (await shop.get('/api/v1/async/queue/status')).json;
          return queues?.[0].unacknowledged >= 4;
        });
        const stopped = first.stop();
        await held[Symbol.asyncDispose]();
        expect(await stopped).toBe(0);
        const { record } = await crowd;
        expect(record.count('confirmed')).toBe(CROWD);
        const byTheSecond = await figureOf(second.url, 'pulsecart_worker_decided_total');
        expect(byTheSecond).toBeGreaterThan(0);
        expect(byTheSecond).toBeLessThan(CROWD);
        const round = await readRound({ databaseUrl: shop.databaseUrl }, asked.productId);
        expect(disagreements([{ record, seed: 3 }], asked, round)).toEqual([]);
      },
      OPEN_TIMEOUT_MS,
    );
  });

  describe('a leader lease', () => {
    test(
      'of a process that was killed is taken over by another: holds go on to expire',
      async () => {
        await using shop = await openDistributedShop({ instances: 2, env: { PULSECART_PAYMENTS: 'off' } });
        await using sql = await connectSql(shop.databaseUrl);
        await sql.query('UPDATE products SET hold_seconds = 1');
        await eventually(async () => (await ownerOf()) !== undefined);
        const owner = await ownerOf();
        expect(shop.instances()).toContain(owner!);
        process.kill(owner!, 'SIGKILL');
        const { json } = await aPurchase();
        await until(
          async () => (await shop.get(`/api/v1/orders/${json.orderId}`)).json.status === 'expired',
          TAKEN_OVER_MS,
        );
        expect(await ownerOf()).not.toBe(owner);
        // Another instance may answer, which hears of it a moment later.
        await eventually(async () => (await shop.get('/api/v1/sync/stock/1')).json.stock === 1000);

        /** Pid of the process that expires holds now. */
        async function ownerOf(): Promise<number | undefined> {
          const { rows } = await sql.query("SELECT owner FROM leader_leases WHERE job = 'expire holds'");
          const owner = (rows[0] as { owner: string } | undefined)?.owner;
          return owner === undefined ? undefined : Number(owner.split(':')[1]);
        }

        /** A connection may still have led to the process that was killed. */
        async function aPurchase() {
          for (;;) {
            const answer = await shop.buy('sync', { productId: 1, quantity: 1 }).catch(() => null);
            if (answer?.status === 200) return answer;
          }
        }
      },
      OPEN_TIMEOUT_MS,
    );
  });
});

/** An odd number, so that two processes cannot have answered equally many. One has none of them once in 2³² times. */
const CONNECTIONS = 33;
const EACH_SOLD = new Array(CONNECTIONS).fill(200);
const LOOP_CONNECTIONS = 32;
const SLICE_MS = 500;
const CROWD = 2_000;
const CROWD_PER_S = 4_000;
/** So much of the crowd has come. */
const STOP_AFTER_SHARE = 0.4;
/** A lease ends five seconds after its owner has prolonged it; the rest is for a busy machine. */
const TAKEN_OVER_MS = 15_000;

interface ManyConnections extends AsyncDisposable {
  /** The same on each at the same time; null from one that is gone. */
  ask(request: Uint8Array): Promise<(RawAnswer | null)[]>;
  /** A purchase on each; answers the statuses. */
  buy(): Promise<(number | null)[]>;
  /** What the process behind each of them has counted. */
  purchasesAnswered(): Promise<number[]>;
}

async function connectMany(url: string): Promise<ManyConnections> {
  const all = await Promise.all(Array.from({ length: CONNECTIONS }, () => connectRaw(url)));
  const ask = (request: Uint8Array) =>
    Promise.all(
      all.map((connection) => {
        connection.send(request);
        return connection.answer();
      }),
    );
  return {
    ask,
    async buy() {
      const answers = await ask(purchase('sync', { productId: 1, quantity: 1 }));
      return answers.map((answer) => answer?.status ?? null);
    },
    async purchasesAnswered() {
      const answers = await ask(rawRequest('GET /actuator/metrics/pulsecart_purchases_total', {}));
      return answers.map((answer) => sumOf(answer!.body));
    },
    async [Symbol.asyncDispose]() {
      for (const connection of all) connection[Symbol.dispose]();
    },
  };
}

function purchase(channel: string, request: object, headers: Record<string, string> = {}): Uint8Array {
  const body = JSON.stringify(request);
  const about = { 'Content-Type': 'application/json', 'Content-Length': `${body.length}` };
  return rawRequest(`POST /api/v1/${channel}/purchase`, { ...about, ...headers }, body);
}

function isEach(answers: readonly (RawAnswer | null)[], text: string): boolean {
  return answers.every((answer) => answer?.body.includes(text));
}

async function figureOf(url: string, name: string): Promise<number> {
  return sumOf(await (await fetch(`${url}/actuator/metrics/${name}`)).text());
}

function sumOf(metric: string): number {
  const { measurements } = JSON.parse(metric) as { measurements: { value: number }[] };
  return measurements.reduce((sum, { value }) => sum + value, 0);
}

function logged(server: ServerProcess, message: string): number {
  return server.log().split(`"msg":"${message}"`).length - 1;
}

async function connectSql(databaseUrl: string): Promise<Client & AsyncDisposable> {
  const client = new Client({ connectionString: databaseUrl });
  client.on('error', () => {});
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}
