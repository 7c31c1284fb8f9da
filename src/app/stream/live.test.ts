import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  openPurchaseFixture,
  PRODUCT_ID,
  type PurchaseFixture,
} from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { createDispatcher, type Dispatcher } from '../../adapters/memory/dispatcher.ts';
import type { Product } from '../../domain/product.ts';
import { standingOf } from '../purchase/stock-cache.ts';
import type { LiveEvent } from './events.ts';
import { createLive, type Live, type Wish } from './live.ts';

/** Above the two seconds after which lost news is found, on a machine without time. */
const FOUND_MS = 15_000;

let fixture: PurchaseFixture;
/** A feed whose news the test gives, or loses. */
let feed: Dispatcher;
let live: Live;

beforeEach(async () => {
  fixture = await openPurchaseFixture();
  feed = createDispatcher((error) => {
    throw error;
  });
  const { ledger, stockCache, ids, conclude, clock } = fixture;
  const limits = { max: 3, perAddressMax: 2 };
  live = createLive({ ledger, feed, stockCache, ids, conclude, clock, limits, onTrouble: () => {} });
});
afterEach(async () => {
  await live.close();
  feed.close();
  await fixture.close();
});

/** A viewer who reads all the time. */
async function watch(wish: Partial<Wish> = {}) {
  const opening = await live.open({
    productIds: [PRODUCT_ID],
    orderIds: [],
    address: 'here',
    seen: null,
    ...wish,
  });
  if (opening.kind !== 'open') throw new Error(opening.kind);
  const { viewing } = opening;
  const events: LiveEvent[] = [];
  const read = () => {
    events.push(...viewing.take());
    viewing.onNews(read);
  };
  read();
  return { viewing, events, versions: () => events.flatMap(versionsIn) };
}

function versionsIn(event: LiveEvent): number[] {
  if (event.type === 'snapshot') return event.products.map(({ product }) => product.version);
  return 'now' in event ? [event.now.product.version] : [];
}

async function change(): Promise<Product> {
  return (await fixture.real.reset(PRODUCT_ID, 5)).product!;
}

test('what the feed says is told with the whole row', async () => {
  const { events } = await watch();
  const product = await change();
  feed.standings([standingOf(product)]);
  await until(() => events.length === 2);
  expect(events[1]).toMatchObject({ type: 'stock.changed', now: { product, state: 'open' } });
});

test('news that comes twice, or too late, is told once', async () => {
  const { versions } = await watch();
  const older = await change();
  const newer = await change();
  feed.standings([standingOf(newer)]);
  feed.standings([standingOf(older), standingOf(newer)]);
  await until(() => versions().length === 2);
  feed.standings([standingOf(await change())]);
  await until(() => versions().length === 3);
  expect(versions()).toEqual([1, newer.version, newer.version + 1]);
});

test('news that got lost is found by asking, at once where the feed knows of the gap', async () => {
  const { versions } = await watch();
  const { version } = await change();
  await until(() => versions().at(-1) === version, FOUND_MS);
  const next = await change();
  const asked = fixture.truthsAsked;
  feed.gap();
  expect(fixture.truthsAsked).toBe(asked + 1);
  await until(() => versions().at(-1) === next.version);
});

test('the last change is told before the end, however soon after it the fixture closes', async () => {
  const viewer = await watch();
  feed.standings([standingOf(await change())]);
  await until(() => viewer.versions().length === 2);
  // The feed still holds the second one back.
  const last = await change();
  fixture.stockCache.saw([last]);
  feed.standings([standingOf(last)]);
  await live.close();
  expect(viewer.versions().at(-1)).toBe(last.version);
  expect(viewer.events.at(-1)).toEqual({ type: 'goodbye' });
});

test('who comes back is shown no less than was seen elsewhere, though nobody here has heard of it', async () => {
  const stale = await watch();
  const { version } = await change();
  const { versions } = await watch({ seen: new Map([[PRODUCT_ID, version]]) });
  expect(versions()).toEqual([version]);
  // What one viewer brought to light is news to the others, and not to the one that has it.
  await until(() => stale.versions().at(-1) === version);
  const next = await change();
  feed.standings([standingOf(next)]);
  await until(() => versions().length === 2);
  expect(versions()).toEqual([version, next.version]);
});

test('who comes back with versions that never were is shown how things are', async () => {
  const { versions } = await watch({ seen: new Map([[PRODUCT_ID, 1_000]]) });
  expect(versions()).toEqual([1]);
});

test('a purchase is followed from before its decision', async () => {
  const purchase = fixture.queued();
  const { events } = await watch({ orderIds: [purchase.id] });
  expect(events[0]).toMatchObject({ orders: [{ orderId: purchase.id, status: 'pending' }] });
  await fixture.real.decide([purchase]);
  feed.decided([purchase.id]);
  // The units that it took may be told in between.
  const statuses = () =>
    events.flatMap((event) => (event.type === 'order.updated' ? event.order.status : []));
  await until(() => statuses().length === 1);
  // Nobody tells of this one.
  await fixture.real.lease([purchase.id], 30_000);
  await until(() => statuses().length === 2, FOUND_MS);
  expect(statuses()).toEqual(['reserved', 'charging']);
});

test('seats are limited, per address and in all, and are free again when their viewer goes', async () => {
  const [first] = [await watch(), await watch()];
  const wish = { productIds: [PRODUCT_ID], orderIds: [], seen: null };
  expect((await live.open({ ...wish, address: 'here' })).kind).toBe('address_full');
  await watch({ address: 'there' });
  expect((await live.open({ ...wish, address: 'elsewhere' })).kind).toBe('house_full');
  first.viewing.close();
  first.viewing.close();
  expect((await live.open({ ...wish, address: 'here' })).kind).toBe('open');
  expect((await live.open({ ...wish, address: 'elsewhere' })).kind).toBe('house_full');
  expect(live.stats.turnedAway).toBe(3);
});

test('who asks for what is not there takes no seat', async () => {
  const wish = { orderIds: [], seen: null, address: 'here' };
  for (let i = 0; i < 5; i++) {
    expect(await live.open({ ...wish, productIds: [PRODUCT_ID, 99] })).toEqual({
      kind: 'unknown_product',
      productId: 99,
    });
  }
  expect(live.seatsTaken()).toBe(0);
});
