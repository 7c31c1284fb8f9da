import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  openPurchaseFixture,
  PRODUCT_ID,
  type PurchaseFixture,
} from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import type { Product } from '../../domain/product.ts';
import { NO_LOG } from '../../lib/log.ts';
import type { LiveEvent, ProductEvent } from './events.ts';
import { createStockStream, type StockStream, type StreamRequest } from './stream.ts';

/** Above the two seconds after which lost news is found, on a machine without time. */
const FOUND_MS = 15_000;

let fixture: PurchaseFixture;
let stream: StockStream;

beforeEach(async () => {
  fixture = await openPurchaseFixture();
  const { ledger, changes, stockCache, ids, conclude, clock } = fixture;
  const limits = { max: 3, perAddressMax: 2 };
  stream = createStockStream({
    ledger,
    changes,
    stockCache,
    ids,
    conclude,
    clock,
    limits,
    log: NO_LOG,
  });
});
afterEach(async () => {
  await stream.close();
  await fixture.close();
});

/** A viewer who reads all the time. */
async function watch(request: Partial<StreamRequest> = {}) {
  const opening = await stream.open({
    productIds: [PRODUCT_ID],
    orderIds: [],
    address: 'here',
    seen: null,
    ...request,
  });
  if (opening.kind !== 'open') throw new Error(opening.kind);
  const { subscription } = opening;
  const events: LiveEvent[] = [];
  const read = () => {
    events.push(...subscription.take());
    subscription.onEvents(read);
  };
  read();
  return { subscription, events, versions: () => events.flatMap(versionsIn) };
}

function versionsIn(event: LiveEvent): number[] {
  if (event.type === 'snapshot') return event.products.map(({ product }) => product.version);
  return 'now' in event ? [event.now.product.version] : [];
}

/** By another process. */
async function change(): Promise<Product> {
  return (await fixture.real.reset(PRODUCT_ID, 5)).product!;
}

function heard({ id, version }: Product): void {
  fixture.others.changed(id, version);
}

test('what another process changed is sent with the whole row', async () => {
  const { events } = await watch();
  const product = await change();
  heard(product);
  await until(() => events.length === 2);
  const sent = events[1] as ProductEvent;
  expect(sent).toMatchObject({ type: 'stock.changed', now: { state: 'open' } });
  // The ledger also knows how the product is described, which streams do not tell.
  expect(product).toMatchObject(sent.now.product);
  expect(sent.now.product.total).toBe(5);
});

test('news that comes twice, or too late, is sent once', async () => {
  const { versions } = await watch();
  const older = await change();
  const newer = await change();
  heard(newer);
  heard(older);
  heard(newer);
  await until(() => versions().length === 2);
  heard(await change());
  await until(() => versions().length === 3);
  expect(versions()).toEqual([1, newer.version, newer.version + 1]);
});

test('news that got lost is found by asking, at once where the feed asks for a resync', async () => {
  const { versions } = await watch();
  const { version } = await change();
  await until(() => versions().at(-1) === version, FOUND_MS);
  const next = await change();
  const asked = fixture.truthsAsked;
  fixture.others.resync();
  // Sooner than the regular recheck.
  await until(() => fixture.truthsAsked === asked + 1, 1_000);
  await until(() => versions().at(-1) === next.version);
});

test('a resync that comes while rows are read has them read again', async () => {
  const { versions } = await watch();
  const { product } = fixture.ledger;
  const answered = Promise.withResolvers<void>();
  let reads = 0;
  fixture.ledger.product = async (id) => {
    const row = await product(id);
    if (++reads === 1) await answered.promise;
    return row;
  };
  fixture.others.resync();
  await until(() => reads === 1);
  const { version } = await change();
  fixture.others.resync();
  answered.resolve();
  // Sooner than the regular recheck.
  await until(() => versions().at(-1) === version, 1_000);
});

test('the last change is sent before the end, however soon after it the stream closes', async () => {
  const viewer = await watch();
  heard(await change());
  await until(() => viewer.versions().length === 2);
  // The next broadcast would be later.
  const last = (await fixture.ledger.reset(PRODUCT_ID, 5)).product!;
  await stream.close();
  expect(viewer.versions().at(-1)).toBe(last.version);
  expect(viewer.events.at(-1)).toEqual({ type: 'goodbye' });
});

test('a client that comes back is shown no less than it saw elsewhere, though this process has not heard of it', async () => {
  const stale = await watch();
  const { version } = await change();
  const { versions } = await watch({ seen: new Map([[PRODUCT_ID, version]]) });
  expect(versions()).toEqual([version]);
  // What one viewer brought to light is news to the others, and not to the one that has it.
  await until(() => stale.versions().at(-1) === version);
  const next = await change();
  heard(next);
  await until(() => versions().length === 2);
  expect(versions()).toEqual([version, next.version]);
});

test('a client that comes back with versions that never were is shown how things are', async () => {
  const { versions } = await watch({ seen: new Map([[PRODUCT_ID, 1_000]]) });
  expect(versions()).toEqual([1]);
});

test('a purchase is followed from before its decision', async () => {
  const purchase = fixture.queued();
  const { events } = await watch({ orderIds: [purchase.id] });
  expect(events[0]).toMatchObject({ orders: [{ orderId: purchase.id, status: 'pending' }] });
  await fixture.real.decide([purchase]);
  fixture.others.news({ decided: [purchase.id] });
  // The units that it took may be told in between.
  const statuses = () =>
    events.flatMap((event) => (event.type === 'order.updated' ? event.order.status : []));
  await until(() => statuses().length === 1);
  // Nobody tells of this one.
  await fixture.real.lease([purchase.id], 30_000);
  await until(() => statuses().length === 2, FOUND_MS);
  expect(statuses()).toEqual(['reserved', 'charging']);
});

test('connections are limited, per address and in all, and are free again when their client goes', async () => {
  const [first] = [await watch(), await watch()];
  const request = { productIds: [PRODUCT_ID], orderIds: [], seen: null };
  expect((await stream.open({ ...request, address: 'here' })).kind).toBe('too_many_from_address');
  await watch({ address: 'there' });
  expect((await stream.open({ ...request, address: 'elsewhere' })).kind).toBe('too_many');
  first.subscription.close();
  first.subscription.close();
  expect((await stream.open({ ...request, address: 'here' })).kind).toBe('open');
  expect((await stream.open({ ...request, address: 'elsewhere' })).kind).toBe('too_many');
  expect(stream.stats.rejected).toBe(3);
});

test('a client that asks for what is not there counts for no limit', async () => {
  const request = { orderIds: [], seen: null, address: 'here' };
  for (let i = 0; i < 5; i++) {
    expect(await stream.open({ ...request, productIds: [PRODUCT_ID, 99] })).toEqual({
      kind: 'unknown_product',
      productId: 99,
    });
  }
  expect(stream.connections()).toBe(0);
});
