import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { isAppError } from '../../src/domain/errors.ts';
import type { Consumer, Delivery, Queue, QueueStatus } from '../../src/ports/queue.ts';
import { until } from '../support/until.ts';

/** One queue on a backend of its own, empty at first. */
export interface QueueUnderTest {
  readonly queue: Queue;
  /** Whether a consumer has more messages than its handlers do: what a crash catches there is marked, too. */
  readonly readsAhead: boolean;
  /** Ends the process' hold on the queue as a crash would, unacknowledged deliveries and all, and opens it again. */
  reopen(): Promise<Queue>;
  close(): Promise<void>;
}

/** What every adapter of the Queue port must keep. */
export function queueContract(name: string, make: () => Promise<QueueUnderTest>): void {
  describe(`${name} keeps the queue contract`, () => {
    let made: QueueUnderTest;
    let queue: Queue;

    beforeEach(async () => {
      made = await make();
      queue = made.queue;
    });
    afterEach(() => made.close());

    async function figures(): Promise<QueueStatus> {
      return (await queue.status()).find((status) => status.name === 'purchases')!;
    }

    /** A broker takes an acknowledgement without answering it: its figures follow within milliseconds. */
    async function figuresBecome(expected: Partial<QueueStatus>): Promise<void> {
      const matches = (status: QueueStatus) =>
        Object.entries(expected).every(([key, value]) => status[key as keyof QueueStatus] === value);
      await until(async () => matches(await figures())).catch(() => {});
      expect(await figures()).toMatchObject(expected);
    }

    /** Everything that is delivered from now on, acknowledged at once. */
    async function collect(maxItems = 100): Promise<{ got: Delivery[]; consumer: Consumer }> {
      const got: Delivery[] = [];
      const consumer = await queue.consume('purchases', { maxItems, concurrency: 1 }, async (deliveries) => {
        got.push(...deliveries);
      });
      return { got, consumer };
    }

    test('a published message is delivered once, with its body and items, and then gone', async () => {
      await queue.publish('purchases', [{ body: 'grüße', items: 3 }]);
      const { got } = await collect();
      await until(() => got.length > 0);
      await figuresBecome({ ready: 0, unacknowledged: 0, oldestAgeMs: 0 });

      expect(got).toMatchObject([{ body: 'grüße', items: 3, redelivered: false }]);
      expect(got[0]!.publishedAt).toBeNumber();
    });

    test('a message published while a consumer waits is delivered without another call', async () => {
      const { got } = await collect();
      await queue.publish('purchases', single('late'));
      await until(() => got.length === 1);
    });

    test('messages come in the order they were published', async () => {
      for (const part of [numbers(0, 40), numbers(40, 80)])
        await queue.publish('purchases', part.map(message));
      const { got } = await collect(7);
      await until(() => got.length === 80);
      expect(got.map(({ body }) => body)).toEqual(numbers(0, 80).map(String));
    });

    test('queues do not see each other', async () => {
      await queue.publish('payments', single('a payment'));
      await queue.publish('purchases', single('a purchase'));
      const { got } = await collect();
      await until(() => got.length > 0);
      expect(got.map(({ body }) => body)).toEqual(['a purchase']);
      expect((await queue.status()).find((status) => status.name === 'payments')!.ready).toBe(1);
    });

    test('what was confirmed survives a crash', async () => {
      await queue.publish('purchases', numbers(0, 20).map(message));
      queue = await made.reopen();
      const { got } = await collect();
      await until(() => got.length === 20);
      expect(got.every(({ redelivered }) => !redelivered)).toBe(true);
    });

    test('what was acknowledged stays gone after a crash', async () => {
      await queue.publish('purchases', single('done'));
      const { got, consumer } = await collect();
      await until(() => got.length === 1);
      await consumer.close();
      queue = await made.reopen();
      await figuresBecome({ ready: 0, unacknowledged: 0 });
    });

    test('deliveries that a crash caught unacknowledged come again, marked', async () => {
      await queue.publish('purchases', numbers(0, 5).map(message));
      const caught: string[] = [];
      await queue.consume('purchases', { maxItems: 2, concurrency: 1 }, (deliveries) => {
        caught.push(...deliveries.map(({ body }) => body));
        return new Promise(() => {});
      });
      await until(() => caught.length === 2);

      queue = await made.reopen();
      const { got } = await collect();
      await until(() => got.length === 5);
      const marked = got.filter(({ redelivered }) => redelivered).map(({ body }) => body);
      if (made.readsAhead) expect(marked).toEqual(expect.arrayContaining(caught));
      else expect(marked.sort()).toEqual(caught.sort());
    });

    test('a batch has at most maxItems items, and a message with more comes alone', async () => {
      const sizes = [4, 4, 4, 25, 1, 9, 1];
      await queue.publish(
        'purchases',
        sizes.map((items, i) => ({ body: String(i), items })),
      );
      const batches: number[][] = [];
      await queue.consume('purchases', { maxItems: 10, concurrency: 1 }, async (deliveries) => {
        batches.push(deliveries.map(({ items }) => items));
      });
      await until(() => batches.flat().length === sizes.length);

      expect(batches.flat()).toEqual(sizes);
      for (const batch of batches) {
        expect(batch.length === 1 || sum(batch) <= 10).toBe(true);
      }
    });

    test('messages that wait together are delivered together', async () => {
      await queue.publish('purchases', numbers(0, 100).map(message));
      let calls = 0;
      let items = 0;
      await queue.consume('purchases', { maxItems: 100, concurrency: 1 }, async (deliveries) => {
        calls++;
        items += deliveries.length;
      });
      await until(() => items === 100);
      expect(calls).toBeLessThan(made.readsAhead ? 50 : 10);
    });

    test('a rejected batch comes back marked, after a pause that grows', async () => {
      await queue.publish('purchases', single('stubborn'));
      const triesAtMs: number[] = [];
      const marks: boolean[] = [];
      await queue.consume('purchases', { maxItems: 10, concurrency: 1 }, async (deliveries) => {
        triesAtMs.push(performance.now());
        marks.push(deliveries[0]!.redelivered);
        if (triesAtMs.length < 5) throw new Error('not yet');
      });
      await until(() => triesAtMs.length === 5);
      await figuresBecome({ ready: 0, unacknowledged: 0 });

      expect(marks).toEqual([false, true, true, true, true]);
      const pausesMs = triesAtMs.slice(1).map((atMs, i) => atMs - triesAtMs[i]!);
      expect(pausesMs[3]!).toBeGreaterThan(pausesMs[0]!);
    });

    test('a message that always fails holds up nobody and shares no batch with first deliveries', async () => {
      await queue.publish('purchases', single('poison'));
      const mixed: string[][] = [];
      const done: string[] = [];
      let poisonTries = 0;
      await queue.consume('purchases', { maxItems: 10, concurrency: 1 }, async (deliveries) => {
        const bodies = deliveries.map(({ body }) => body);
        if (new Set(deliveries.map(({ redelivered }) => redelivered)).size > 1) mixed.push(bodies);
        if (bodies.includes('poison')) {
          poisonTries++;
          throw new Error('poison');
        }
        done.push(...bodies);
      });
      await until(() => poisonTries > 0);
      for (let round = 0; round < 40; round++) {
        await queue.publish('purchases', [message(round)]);
        await until(() => done.includes(String(round)));
      }
      await until(() => poisonTries > 2);
      expect(mixed).toEqual([]);
    });

    test('at most `concurrency` handlers run at once, and that many do', async () => {
      await queue.publish('purchases', numbers(0, 12).map(message));
      const release = Promise.withResolvers<void>();
      let running = 0;
      let runningMax = 0;
      const handled: string[] = [];
      await queue.consume('purchases', { maxItems: 1, concurrency: 3 }, async ([delivery]) => {
        runningMax = Math.max(runningMax, ++running);
        await release.promise;
        running--;
        handled.push(delivery!.body);
      });
      await until(() => running === 3);
      await figuresBecome({ consumers: 1, ...(made.readsAhead ? {} : { ready: 9, unacknowledged: 3 }) });
      const { ready, unacknowledged } = await figures();
      expect({ all: ready + unacknowledged, handled: unacknowledged >= 3 }).toEqual({
        all: 12,
        handled: true,
      });
      release.resolve();
      await until(() => handled.length >= 12);
      await figuresBecome({ ready: 0, unacknowledged: 0 });
      expect(runningMax).toBe(3);
      expect(handled.map(Number).sort((a, b) => a - b)).toEqual(numbers(0, 12));
    });

    test('closing a consumer waits for its handlers, keeps their acknowledgement and takes no more', async () => {
      await queue.publish('purchases', numbers(0, 2).map(message));
      const release = Promise.withResolvers<void>();
      let calls = 0;
      let returns = 0;
      const consumer = await queue.consume('purchases', { maxItems: 1, concurrency: 1 }, async () => {
        calls++;
        await release.promise;
        returns++;
      });
      await until(() => calls === 1);
      const closing = consumer.close();
      await queue.publish('purchases', single('after'));
      setTimeout(release.resolve, 30);
      await closing;

      expect({ calls, returns }).toEqual({ calls: 1, returns: 1 });
      await figuresBecome({ ready: 2, unacknowledged: 0, consumers: 0 });
    });

    test('a delayed message counts as ready and comes when its time has come', async () => {
      const { got } = await collect();
      const publishedAtMs = performance.now();
      await queue.publish('purchases', single('later'), { delayMs: 150 });
      expect((await figures()).ready).toBe(1);
      await queue.publish('purchases', single('now'));
      await until(() => got.length === 2);

      expect(got.map(({ body }) => body)).toEqual(['now', 'later']);
      expect(performance.now() - publishedAtMs).toBeGreaterThanOrEqual(145);
    });

    test('the status counts and tells the age of the oldest message', async () => {
      await queue.publish('purchases', [{ body: 'many', items: 100 }]);
      await until(async () => (await figures()).oldestAgeMs > 20);
      await queue.publish('purchases', [{ body: 'few', items: 5 }]);
      const status = await figures();
      const ready = status.unit === 'items' ? 105 : 2;
      expect(status).toMatchObject({ ready, unacknowledged: 0, consumers: 0 });
      expect(status.oldestAgeMs).toBeGreaterThan(20);
      expect(status.deadLetters).toEqual({ count: 0, oldestAgeMs: 0 });
    });

    test('a dead letter keeps its cause and survives a crash', async () => {
      await queue.deadLetter('purchases', { body: 'bad', items: 2 }, 'not JSON');
      queue = await made.reopen();
      const letters = await queue.deadLetters('purchases', 10);
      expect(letters).toMatchObject([{ body: 'bad', items: 2, cause: 'not JSON' }]);
      expect(letters[0]!.deadAt).toBeNumber();
      expect((await figures()).deadLetters.count).toBe(2);
      expect(await queue.deadLetters('payments', 10)).toEqual([]);
    });

    test('dead letters are listed oldest first, up to the limit', async () => {
      for (const body of ['first', 'second', 'third'])
        await queue.deadLetter('purchases', { body, items: 1 }, 'why');
      const letters = await queue.deadLetters('purchases', 2);
      expect(letters.map(({ body }) => body)).toEqual(['first', 'second']);
    });

    test('a replayed dead letter is delivered again, marked, and no dead letter any more', async () => {
      await queue.deadLetter('purchases', { body: 'again', items: 2 }, 'why');
      const [letter] = await queue.deadLetters('purchases', 1);
      expect(await queue.replay('purchases', [letter!.id, letter!.id, 'no-such-id', '999999'])).toBe(1);

      const { got } = await collect();
      await until(() => got.length > 0);
      expect(got).toMatchObject([{ body: 'again', items: 2, redelivered: true }]);
      expect(await queue.deadLetters('purchases', 10)).toEqual([]);
    });

    test('a discarded dead letter is gone for good', async () => {
      for (const body of ['one', 'two']) await queue.deadLetter('purchases', { body, items: 1 }, 'why');
      const [one] = await queue.deadLetters('purchases', 1);
      expect(await queue.discard('purchases', [one!.id, 'no-such-id'])).toBe(1);

      expect((await queue.deadLetters('purchases', 10)).map(({ body }) => body)).toEqual(['two']);
      expect((await figures()).ready).toBe(0);
    });

    test('a closed queue refuses messages with `unavailable`', async () => {
      await queue.ping();
      await queue.close();
      const error = await queue.publish('purchases', single('too late')).catch((reason) => reason);
      expect(isAppError(error, 'unavailable')).toBe(true);
      expect(isAppError(await queue.ping().catch((reason) => reason), 'unavailable')).toBe(true);
    });
  });
}

function single(body: string) {
  return [{ body, items: 1 }];
}

function message(number: number) {
  return { body: String(number), items: 1 };
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
