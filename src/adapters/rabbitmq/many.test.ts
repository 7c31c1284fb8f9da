import { afterEach, beforeEach, expect, test } from 'bun:test';
import { onDistributedBackends, ownRabbit } from '../../../tests/support/backends.ts';
import { type ForeignClient, openForeignClient } from '../../../tests/support/foreign-client.ts';
import { until } from '../../../tests/support/until.ts';
import { NO_LOG } from '../../lib/log.ts';
import type { Delivery, Queue, QueueStatus } from '../../ports/queue.ts';
import { openRabbitQueue, type RabbitQueueOptions } from './queue.ts';

onDistributedBackends(severalProcesses);

/** Several queues on one namespace are what several processes are to the broker. */
function severalProcesses(): void {
  let url: string;
  let namespace: string;
  let other: ForeignClient;
  let close: () => Promise<void>;
  const opened: Queue[] = [];

  beforeEach(async () => {
    ({ url, namespace, close } = await ownRabbit());
    other = await openForeignClient(url, namespace);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((queue) => queue.close()));
    await other.dropQueues();
    await close();
  });

  async function open(options: Partial<RabbitQueueOptions> = {}): Promise<Queue> {
    const queue = await openRabbitQueue({
      url,
      namespace,
      closeTimeoutMs: 200,
      log: NO_LOG,
      ...options,
    });
    opened.push(queue);
    return queue;
  }

  test('ten processes open at once, and a message reaches exactly one of them', async () => {
    const queues = await Promise.all(Array.from({ length: 10 }, () => open()));
    const got: string[] = [];
    for (const queue of queues)
      await queue.consume('purchases', { maxItems: 10, concurrency: 1 }, async (deliveries) => {
        got.push(...deliveries.map(({ body }) => body));
      });
    const bodies = Array.from({ length: 200 }, (_, i) => String(i));
    await queues[0]!.publish('purchases', bodies.map(one));
    await until(() => got.length >= bodies.length);
    expect(got.sort()).toEqual(bodies.sort());
    expect((await figures(queues[3]!)).consumers).toBe(10);
  });

  test('a process without consumers knows what others have not acknowledged, and since when', async () => {
    const [worker, api] = [await open({ prefetch: 4 }), await open()];
    const release = Promise.withResolvers<void>();
    await worker.publish(
      'purchases',
      Array.from({ length: 10 }, (_, i) => one(String(i))),
    );
    await worker.consume('purchases', { maxItems: 1, concurrency: 1 }, () => release.promise);

    await until(async () => (await figures(api, worker)).unacknowledged === 4);
    expect(await figures(api, worker)).toMatchObject({ ready: 6, consumers: 1, unit: 'messages' });
    expect((await figures(api, worker)).silentConsumers).toBe(0);
    expect((await figures(worker)).silentConsumers).toBe(0);
    expect((await figures(api)).silentConsumers).toBe(1);
    await until(async () => (await figures(api, worker)).oldestAgeMs > 1_000);
    expect((await figures(api, worker)).oldestAgeMs).toBeLessThan(5_000);
    release.resolve();
    await until(async () => (await figures(api, worker)).unacknowledged === 0);
    expect(await figures(api, worker)).toMatchObject({ ready: 0, oldestAgeMs: 0 });
  });

  test('the age of a queue that a consumer kept empty counts from when it did', async () => {
    let aheadMs = 0;
    const clock = () => Date.now() + aheadMs;
    const [worker, api] = [await open({ clock }), await open({ clock })];
    let handled = 0;
    const consumer = await worker.consume('purchases', { maxItems: 1, concurrency: 1 }, async () => {
      handled++;
    });
    await worker.publish('purchases', [one('first')]);
    await until(() => handled === 1);
    aheadMs = 3_600_000;
    // Quiet for a quarter of a second, and the consumer may say so.
    await Bun.sleep(300);
    await consumer.close();
    await worker.publish('purchases', [one('second')]);
    for (const queue of [worker, api]) await until(async () => (await figures(queue)).ready === 1);
    expect((await figures(worker)).oldestAgeMs).toBeLessThan(60_000);
    expect((await figures(api, worker)).oldestAgeMs).toBeLessThan(60_000);
  });

  test('a long queue: no more than the prefetch is in a process, and all of it arrives in order', async () => {
    const queue = await open({ prefetch: 16 });
    const bodies = Array.from({ length: 5_000 }, (_, i) => String(i));
    await queue.publish('purchases', bodies.map(one));
    expect((await figures(queue)).ready).toBe(5_000);
    const got: string[] = [];
    let unacknowledgedMax = 0;
    await queue.consume('purchases', { maxItems: 100, concurrency: 1 }, async (deliveries) => {
      got.push(...deliveries.map(({ body }) => body));
      if (got.length % 1_000 < deliveries.length)
        unacknowledgedMax = Math.max(unacknowledgedMax, (await figures(queue)).unacknowledged);
    });
    await until(() => got.length === bodies.length, 15_000);
    expect(got).toEqual(bodies);
    expect(unacknowledgedMax).toBeWithin(1, 17);
  });

  test('a message that was given back comes again before those behind it', async () => {
    const queue = await open({ prefetch: 1 });
    await queue.publish('purchases', ['0', '1', '2'].map(one));
    const tries: string[] = [];
    await queue.consume('purchases', { maxItems: 1, concurrency: 1 }, async ([delivery]) => {
      tries.push(delivery!.body);
      if (tries.length < 3) throw new Error('not yet');
    });
    await until(() => tries.length === 5);
    expect(tries).toEqual(['0', '0', '0', '1', '2']);
  });

  test('messages of strangers, unreadable headers and all, reach the handler and stop nobody', async () => {
    const queue = await open();
    const got: Delivery[] = [];
    await other.publish('purchases', Buffer.from([0xff, 0x00, 0xfe]), { items: 'many', publishedAt: -1 });
    await other.publish('purchases', Buffer.alloc(0));
    await queue.publish('purchases', [one('ours')]);
    await queue.consume('purchases', { maxItems: 10, concurrency: 1 }, async (deliveries) => {
      got.push(...deliveries);
    });
    await until(() => got.length === 3);
    expect(got.map(({ items }) => items)).toEqual([1, 1, 1]);
    expect(got.every(({ publishedAt }) => Math.abs(publishedAt - Date.now()) < 60_000)).toBe(true);
    expect(got[2]!.body).toBe('ours');
  });

  test('dead letters keep their order however often and by how many they are looked at', async () => {
    const queues = await Promise.all([open(), open(), open()]);
    const bodies = Array.from({ length: 30 }, (_, i) => String(i));
    for (const body of bodies) await queues[0]!.deadLetter('purchases', one(body), 'why');
    for (let round = 0; round < 3; round++) {
      const seen = await Promise.all(
        queues.map((queue, i) => queue.deadLetters('purchases', [30, 7, 19][i]!)),
      );
      expect(seen.map((letters) => letters.map(({ body }) => body))).toEqual([
        bodies,
        bodies.slice(0, 7),
        bodies.slice(0, 19),
      ]);
    }
    const letters = await queues[1]!.deadLetters('purchases', 30);
    expect(await queues[2]!.discard('purchases', [letters[4]!.id, letters[20]!.id])).toBe(2);
    expect((await queues[0]!.deadLetters('purchases', 30)).map(({ body }) => body)).toEqual(
      bodies.filter((body) => body !== '4' && body !== '20'),
    );
  });

  test('dead letters are counted by their items, in every process, with the age of the oldest', async () => {
    const [queue, second] = [await open(), await open()];
    await queue.deadLetter('purchases', { body: 'unreadable', items: 250 }, 'why');
    await queue.deadLetter('purchases', one('single'), 'why');
    for (const each of [queue, second]) expect((await figures(each)).deadLetters.count).toBe(251);
    await until(async () => (await figures(second)).deadLetters.oldestAgeMs > 50);

    const [first] = await second.deadLetters('purchases', 1);
    expect(await second.replay('purchases', [first!.id])).toBe(1);
    for (const each of [queue, second]) expect((await figures(each)).deadLetters.count).toBe(1);
    expect((await figures(queue)).ready).toBe(1);
  });

  test('dead letters that another process is reading are counted', async () => {
    const [reader, api] = [await open(), await open()];
    await Promise.all(
      Array.from({ length: 30 }, (_, i) => String(i)).map((body) =>
        reader.deadLetter('purchases', one(body), 'why'),
      ),
    );
    expect((await figures(api)).deadLetters.count).toBe(30);
    let isRead = false;
    const reading = (async () => {
      while (!isRead) await reader.deadLetters('purchases', 30);
    })();
    const counts = new Set<number>();
    for (let i = 0; i < 50; i++) counts.add((await figures(api)).deadLetters.count);
    isRead = true;
    await reading;
    expect([...counts]).toEqual([30]);
  });

  test('two thousand dead letters are replayed by their ids, each once', async () => {
    const queue = await open();
    const bodies = Array.from({ length: 2_000 }, (_, i) => String(i));
    await Promise.all(bodies.map((body) => queue.deadLetter('purchases', one(body), 'why')));
    expect((await figures(queue)).deadLetters.count).toBe(2_000);
    const letters = await queue.deadLetters('purchases', 5_000);
    expect(letters.length).toBe(2_000);
    expect(
      await queue.replay(
        'purchases',
        letters.map(({ id }) => id),
      ),
    ).toBe(2_000);
    // The broker hands its messages about them on in its own time.
    await until(async () => (await figures(queue)).deadLetters.count === 0);
    expect(await figures(queue)).toMatchObject({ ready: 2_000, deadLetters: { count: 0, oldestAgeMs: 0 } });
  });

  test('a delay is rounded up to a step and never ends early; one that is too long is a bug', async () => {
    const queue = await open();
    const arrivedAfterMs: Record<string, number> = {};
    const startMs = performance.now();
    await queue.consume('purchases', { maxItems: 1, concurrency: 1 }, async ([delivery]) => {
      arrivedAfterMs[delivery!.body] = performance.now() - startMs;
      expect(delivery!.redelivered).toBe(false);
    });
    for (const delayMs of [1, 200, 900])
      await queue.publish('purchases', [one(String(delayMs))], { delayMs });
    await until(() => Object.keys(arrivedAfterMs).length === 3);
    for (const [delayMs, afterMs] of Object.entries(arrivedAfterMs))
      expect(afterMs).toBeGreaterThanOrEqual(Number(delayMs) - 1);
    expect(() => queue.publish('purchases', [one('never')], { delayMs: 30_001 })).toThrow('longer than');
  });
}

/** The figures of purchases, as `queue` knows them when the others have told it of their consumers. */
async function figures(queue: Queue, ...others: readonly Queue[]): Promise<QueueStatus> {
  const told = others.map((other) => other.consumers!());
  return (await queue.status(told)).find(({ name }) => name === 'purchases')!;
}

function one(body: string) {
  return { body, items: 1 };
}
