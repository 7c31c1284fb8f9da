import { afterEach, beforeEach, expect, test } from 'bun:test';
import { temporaryFolder } from '../../../tests/support/folder.ts';
import { keptLog } from '../../../tests/support/kept-log.ts';
import { until } from '../../../tests/support/until.ts';
import { openSqliteLedger } from '../../adapters/sqlite/ledger.ts';
import { openStore, type Store } from '../../adapters/sqlite/store.ts';
import { AppError } from '../../domain/errors.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../domain/ids.ts';
import { NO_LOG } from '../../lib/log.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { OutgoingWebhook, WebhookAnswer } from '../../ports/webhook-sender.ts';
import { createWebhooks, type Webhooks, type WebhooksDependencies } from './deliverer.ts';
import { createNoWebhooks } from './off.ts';
import { targetOf } from './target.ts';

const [ONE, TWO] = [targetOf('https://one.example/'), targetOf('https://two.example/')];
const SECRET = `whsec_${btoa('s'.repeat(32))}`;
const OK: WebhookAnswer = { type: 'answered', status: 204, retryAfterMs: null };
const NEVER = new Promise<WebhookAnswer>(() => {});
const HOUR_MS = 3_600_000;

let folder: ReturnType<typeof temporaryFolder>;
let store: Store;
let ledger: Ledger;
let aheadMs: number;
let opened: Webhooks[];
const clock = () => Date.now() + aheadMs;

beforeEach(async () => {
  folder = temporaryFolder();
  store = openStore(folder.path);
  aheadMs = 0;
  opened = [];
  ledger = openSqliteLedger(store, clock);
  await ledger.addProducts([{ id: 1, name: 'Thing', priceMinor: 5, currency: 'EUR', units: 1_000 }]);
});
afterEach(async () => {
  for (const one of opened) await one.close();
  store.close();
  folder[Symbol.dispose]();
});

async function orders(count: number): Promise<string[]> {
  const { mint } = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), clock);
  const plain = {
    productId: 1,
    quantity: 1,
    customer: null,
    key: null,
    refusal: null,
    expectedPriceMinor: null,
  };
  const purchases = Array.from({ length: count }, () => {
    const acceptedAt = clock();
    return { ...plain, id: mint(), channel: 'sync' as const, acceptedAt, decideBy: acceptedAt + HOUR_MS };
  });
  await ledger.decide(purchases);
  return purchases.map(({ id }) => id);
}

async function deliver(
  send: (message: OutgoingWebhook) => Promise<WebhookAnswer>,
  changes: Partial<WebhooksDependencies> = {},
): Promise<Webhooks> {
  const webhooks = createWebhooks({
    ledger,
    changes: { subscribe: () => () => {} },
    sender: { send, close: async () => {} },
    clock,
    isLeader: async () => true,
    targets: [ONE],
    secrets: [SECRET],
    retryMs: [1_000, 2_000],
    keepDeadMs: HOUR_MS,
    log: NO_LOG,
    ...changes,
  });
  opened.push(webhooks);
  await webhooks.begin();
  return webhooks;
}

const waitingOf = async (target: string) =>
  (await ledger.webhookBacklog()).find((one) => one.target === target)?.waiting ?? 0;

test('a target that hangs holds eight events at most, and delays no other target', async () => {
  let hanging = 0;
  let told = 0;
  const held = Promise.withResolvers<WebhookAnswer>();
  const webhooks = await deliver(
    async ({ url }) => {
      if (url === ONE.address) {
        hanging++;
        return held.promise;
      }
      told++;
      return OK;
    },
    { targets: [ONE, TWO] },
  );
  await orders(100);
  webhooks.start();
  await until(async () => (await waitingOf(TWO.id)) === 0);
  expect([hanging, told]).toEqual([8, 100]);
  held.resolve(OK);
  await until(async () => (await waitingOf(ONE.id)) === 0);
  expect([hanging, told]).toEqual([100, 100]);
});

test('who does not lead tells nobody', async () => {
  let told = 0;
  let asked = 0;
  const webhooks = await deliver(
    async () => {
      told++;
      return OK;
    },
    { isLeader: async () => ++asked > 1 },
  );
  await orders(3);
  webhooks.start();
  await until(() => asked === 1);
  expect(told).toBe(0);
  aheadMs += 10_000;
  await until(async () => (await waitingOf(ONE.id)) === 0);
  expect(told).toBe(3);
});

test('what was taken is not told again while the ledger cannot write it down', async () => {
  let told = 0;
  let failures = 3;
  const broken = {
    ...ledger,
    async recordWebhooks(...args: Parameters<Ledger['recordWebhooks']>) {
      if (failures-- > 0) throw new AppError('unavailable', 'the disk is full');
      return ledger.recordWebhooks(...args);
    },
  };
  const troubles: string[] = [];
  const webhooks = await deliver(
    async () => {
      told++;
      return OK;
    },
    { ledger: broken, log: keptLog(troubles) },
  );
  await orders(2);
  webhooks.start();
  await until(async () => (await waitingOf(ONE.id)) === 0);
  expect([told, webhooks.stats.delivered]).toEqual([2, 2]);
  expect(troubles).toEqual(['webhooks could not be looked for; it is tried again']);
});

test('pauses as the schedule says and a tenth at most, or as the target asks, and gives up at its end', async () => {
  const answers: WebhookAnswer[] = [
    { type: 'failed', cause: 'no connection' },
    { type: 'answered', status: 503, retryAfterMs: 60_000 },
    { type: 'answered', status: 302, retryAfterMs: null },
  ];
  let tries = 0;
  const webhooks = await deliver(async () => answers[tries++]!);
  const [orderId] = await orders(1);
  const dueIn = () =>
    store.db.query<{ due: number }, []>('SELECT due_at AS due FROM webhook_deliveries').get()!.due - clock();
  webhooks.start();
  await until(() => webhooks.stats.failed === 1);
  expect(dueIn()).toBeLessThanOrEqual(1_100);
  expect(dueIn()).toBeGreaterThan(-20_000);
  aheadMs += 1_100;
  await until(() => webhooks.stats.failed === 2);
  expect(dueIn()).toBeGreaterThan(30_000);
  aheadMs += 60_000;
  await until(() => webhooks.stats.died === 1);
  expect(await ledger.deadWebhooks(null, 0, 10)).toMatchObject([
    { orderId, tries: 3, cause: 'it answered 302', target: ONE.id },
  ]);
  expect(tries).toBe(3);
});

test('a process that stops ends what hangs, and leaves the try to the next one', async () => {
  const stopped = Promise.withResolvers<WebhookAnswer>();
  let isSent = false;
  const sender = {
    send: () => {
      isSent = true;
      return stopped.promise;
    },
    close: async () => stopped.resolve({ type: 'failed', cause: 'the server stops' }),
  };
  const webhooks = await deliver(() => NEVER, { sender });
  await orders(1);
  webhooks.start();
  await until(() => isSent);
  await webhooks.close();
  expect(await ledger.dueWebhooks(ONE.id, 1)).toMatchObject([{ tries: 0 }]);
});

test('targets that another process took away come back', async () => {
  let told = 0;
  const webhooks = await deliver(async () => {
    told++;
    return OK;
  });
  webhooks.start();
  await ledger.setWebhookTargets([]);
  aheadMs += 10_000;
  await until(async () => (await ledger.webhookTargets()).length === 1);
  await orders(1);
  await until(() => told === 1);
});

test('without targets those of before are taken away, unless a process still delivers', async () => {
  await ledger.setWebhookTargets([ONE]);
  const sentences: string[] = [];
  const off = (leads: boolean) => createNoWebhooks(ledger, async () => leads, keptLog(sentences)).begin();
  await off(false);
  expect(await ledger.webhookTargets()).toHaveLength(1);
  await off(true);
  expect(await ledger.webhookTargets()).toEqual([]);
  expect(sentences).toEqual(['no webhook target is configured any more: orders are no longer told']);
});
