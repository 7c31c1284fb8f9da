import { beforeEach, expect, test } from 'bun:test';
import type { LiveEvent } from './events.ts';
import { Viewer, WAITING_MAX } from './viewer.ts';

/** Nobody looks into these here. */
const change = (): LiveEvent => ({ type: 'heartbeat' });
const SNAPSHOT: LiveEvent = { type: 'snapshot', atMs: 0, products: [], orders: [] };
let seen = 0;
let dropped = 0;
let gone = 0;

beforeEach(() => {
  seen = 1;
  dropped = 0;
  gone = 0;
});

function open(): Viewer {
  return new Viewer([1], [], {
    snapshot: () => ({ event: SNAPSHOT, seen }),
    onDropped: () => dropped++,
    onGone: () => gone++,
  });
}

test('the first thing to read is a snapshot, then what was told, in order, each once', () => {
  const viewer = open();
  const told = [change(), change()];
  for (const event of told) viewer.tell(event);
  expect(viewer.take()).toEqual([SNAPSHOT, ...told]);
  expect(viewer.take()).toEqual([]);
  viewer.tell(told[0]!);
  expect(viewer.take()).toEqual([told[0]!]);
});

test('who waits is called once for what comes next', () => {
  const viewer = open();
  viewer.take();
  let calls = 0;
  viewer.onNews(() => calls++);
  viewer.tell(change());
  viewer.tell(change());
  expect(calls).toBe(1);
  expect(viewer.take()).toHaveLength(2);
});

test('who does not read keeps a bounded number of events waiting, and then gets one snapshot of how things stand', () => {
  const viewer = open();
  for (let i = 0; i < 10_000; i++) {
    viewer.tell(change());
    expect(viewer.waiting).toBeLessThanOrEqual(WAITING_MAX);
  }
  expect(dropped).toBe(1);
  seen = 77;
  expect(viewer.take()).toEqual([SNAPSHOT]);
  // From here on only what was learnt after that snapshot is news.
  expect(viewer.seen).toBe(77);
  viewer.tell(change());
  expect(viewer.take()).toHaveLength(1);
});

test('only who reads, and has nothing to read, hears that the connection stands', () => {
  const viewer = open();
  viewer.beat(change());
  expect(viewer.take()).toEqual([SNAPSHOT]);
  viewer.onNews(() => {});
  viewer.beat(change());
  viewer.beat(change());
  expect(viewer.take()).toHaveLength(1);
});

test('the last words are the last, and wake who waits', () => {
  const viewer = open();
  viewer.take();
  let isCalled = false;
  viewer.onNews(() => {
    isCalled = true;
  });
  viewer.end({ type: 'goodbye' });
  viewer.tell(change());
  expect([isCalled, viewer.isOver]).toEqual([true, true]);
  expect(viewer.take()).toEqual([{ type: 'goodbye' }]);
});

test('who has gone is told nothing', () => {
  const viewer = open();
  viewer.take();
  viewer.onNews(() => expect.unreachable());
  viewer.close();
  viewer.tell(change());
  expect([gone, viewer.take()]).toEqual([1, []]);
});
