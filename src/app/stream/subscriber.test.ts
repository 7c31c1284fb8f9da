import { beforeEach, expect, test } from 'bun:test';
import type { LiveEvent } from './events.ts';
import { Subscriber, WAITING_MAX } from './subscriber.ts';

/** Nobody looks into these here. */
const change = (): LiveEvent => ({ type: 'heartbeat' });
const SNAPSHOT: LiveEvent = { type: 'snapshot', atMs: 0, products: [], orders: [] };
let revision = 0;
let dropped = 0;
let gone = 0;

beforeEach(() => {
  revision = 1;
  dropped = 0;
  gone = 0;
});

function open(): Subscriber {
  return new Subscriber([1], [], {
    snapshot: () => ({ event: SNAPSHOT, revision }),
    onDropped: () => dropped++,
    onGone: () => gone++,
  });
}

test('the first thing to read is a snapshot, then what was told, in order, each once', () => {
  const subscriber = open();
  const told = [change(), change()];
  for (const event of told) subscriber.send(event);
  expect(subscriber.take()).toEqual([SNAPSHOT, ...told]);
  expect(subscriber.take()).toEqual([]);
  subscriber.send(told[0]!);
  expect(subscriber.take()).toEqual([told[0]!]);
});

test('who waits is called once for what comes next', () => {
  const subscriber = open();
  subscriber.take();
  let calls = 0;
  subscriber.onEvents(() => calls++);
  subscriber.send(change());
  subscriber.send(change());
  expect(calls).toBe(1);
  expect(subscriber.take()).toHaveLength(2);
});

test('who does not read keeps a bounded number of events waiting, and then gets one snapshot of how things stand', () => {
  const subscriber = open();
  for (let i = 0; i < 10_000; i++) {
    subscriber.send(change());
    expect(subscriber.waiting).toBeLessThanOrEqual(WAITING_MAX);
  }
  expect(dropped).toBe(1);
  revision = 77;
  expect(subscriber.take()).toEqual([SNAPSHOT]);
  // From here on only what changed after that snapshot is news.
  expect(subscriber.snapshotRevision).toBe(77);
  subscriber.send(change());
  expect(subscriber.take()).toHaveLength(1);
});

test('only who reads, and has nothing to read, hears that the connection stands', () => {
  const subscriber = open();
  subscriber.beat(change());
  expect(subscriber.take()).toEqual([SNAPSHOT]);
  subscriber.onEvents(() => {});
  subscriber.beat(change());
  subscriber.beat(change());
  expect(subscriber.take()).toHaveLength(1);
});

test('the last words are the last, and wake who waits', () => {
  const subscriber = open();
  subscriber.take();
  let isCalled = false;
  subscriber.onEvents(() => {
    isCalled = true;
  });
  subscriber.end({ type: 'goodbye' });
  subscriber.send(change());
  expect([isCalled, subscriber.isOver]).toEqual([true, true]);
  expect(subscriber.take()).toEqual([{ type: 'goodbye' }]);
});

test('who has gone is told nothing', () => {
  const subscriber = open();
  subscriber.take();
  subscriber.onEvents(() => expect.unreachable());
  subscriber.close();
  subscriber.send(change());
  expect([gone, subscriber.take()]).toEqual([1, []]);
});
