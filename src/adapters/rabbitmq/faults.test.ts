import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test';
import type { PrivateBackend } from '../../../bench/services/private-backend.ts';
import { startPrivateBackend } from '../../../bench/services/private-backends.ts';
import { onDistributedBackends } from '../../../tests/support/backends.ts';
import { type ForeignClient, openForeignClient } from '../../../tests/support/foreign-client.ts';
import { type Gateway, type Hearing, startGateway } from '../../../tests/support/gateway.ts';
import { until } from '../../../tests/support/until.ts';
import { type ErrorCode, isAppError } from '../../domain/errors.ts';
import { NO_LOG } from '../../lib/log.ts';
import type { Queue } from '../../ports/queue.ts';
import { openRabbitQueue, type RabbitQueueOptions } from './queue.ts';

/** A broker takes seconds to start, and its clients some more to come back. */
const HEALED_WITHIN_MS = 20_000;
const FROZEN_MS = 5_000;
const CONFIRM_TIMEOUT_MS = 1_000;
/** The status gives the broker two seconds; the rest is for a busy machine. */
const TOLD_WITHIN_MS = FROZEN_MS - CONFIRM_TIMEOUT_MS;

onDistributedBackends(brokerFaults);

function brokerFaults(): void {
  let broker: PrivateBackend;
  let namespace: string;
  let gateway: Gateway;
  /** False: the broker answers, and no confirm of it arrives. */
  let confirms: boolean;
  let other: ForeignClient;
  const opened: Queue[] = [];

  beforeAll(async () => {
    broker = await startPrivateBackend('rabbitmq');
  });
  afterAll(() => broker.close());

  beforeEach(async () => {
    namespace = `test-${crypto.randomUUID()}`;
    confirms = true;
    gateway = await startGateway(broker.url, () => withoutConfirms(() => !confirms));
    other = await openForeignClient(broker.url, namespace);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((queue) => queue.close()));
    await gateway.close();
  });

  async function open(options: Partial<RabbitQueueOptions> = {}): Promise<Queue> {
    const queue = await openRabbitQueue({
      url: gateway.url,
      namespace,
      closeTimeoutMs: 500,
      log: NO_LOG,
      ...options,
    });
    opened.push(queue);
    return queue;
  }

  /** All bodies that a consumer acknowledged. */
  async function collect(queue: Queue): Promise<Set<string>> {
    const got = new Set<string>();
    await queue.consume('purchases', { maxItems: 100, concurrency: 1 }, async (deliveries) => {
      for (const { body } of deliveries) got.add(body);
    });
    return got;
  }

  test('a broker killed under load loses nothing it confirmed, and everybody comes back by himself', async () => {
    const queue = await open();
    const got = await collect(await open());
    const confirmed: string[] = [];
    const failures = new Set<ErrorCode | 'other'>();
    let number = 0;
    let stopped = false;
    const publishers = Array.from({ length: 4 }, async () => {
      while (!stopped) {
        const body = String(number++);
        const failure = await failureOf(queue.publish('purchases', [{ body, items: 1 }]));
        if (failure) {
          failures.add(failure);
          await Bun.sleep(5);
        } else confirmed.push(body);
      }
    });
    await until(() => confirmed.length > 200);
    await broker.kill();
    const before = confirmed.length;
    await broker.restart();
    await until(() => confirmed.length > before + 200, HEALED_WITHIN_MS);
    stopped = true;
    await Promise.all(publishers);

    await until(() => confirmed.every((body) => got.has(body)), HEALED_WITHIN_MS);
    expect(failures).toContain('unavailable');
    expect(failures).not.toContain('other');
  });

  test('a frozen broker: what was sent is unknown in time, the rest is refused at once, and it heals', async () => {
    const queue = await open({ confirmTimeoutMs: CONFIRM_TIMEOUT_MS });
    const got = await collect(queue);
    await queue.publish('purchases', [{ body: 'before', items: 1 }]);
    broker.pause();
    try {
      const sent = await timed(queue.publish('purchases', [{ body: 'into', items: 1 }]));
      expect(sent.failure).toBe('outcome_unknown');
      // A timer counts from when its loop last looked at the clock, on a busy machine some moments before.
      expect(sent.ms).toBeWithin(CONFIRM_TIMEOUT_MS * 0.9, TOLD_WITHIN_MS);
      for (const work of [queue.publish('purchases', [{ body: 'after', items: 1 }]), queue.ping()]) {
        const refused = await timed(work);
        expect(refused.failure).toBe('unavailable');
        expect(refused.ms).toBeLessThan(CONFIRM_TIMEOUT_MS);
      }
      const asked = await timed(queue.status());
      expect(asked.failure).toBe('unavailable');
      expect(asked.ms).toBeLessThan(TOLD_WITHIN_MS);
      await Bun.sleep(Math.max(0, FROZEN_MS - sent.ms - asked.ms));
    } finally {
      broker.resume();
    }
    await until(
      () => queue.publish('purchases', [{ body: 'healed', items: 1 }]).then(done, notYet),
      HEALED_WITHIN_MS,
    );
    await until(() => got.has('before') && got.has('healed'));
    await queue.ping();
    await queue.status();
  });

  test('an alarm: messages are refused at once until it is over, and what was delivered is still acknowledged', async () => {
    const queue = await open();
    const release = Promise.withResolvers<void>();
    await queue.publish('purchases', [{ body: 'one', items: 1 }]);
    let handled = 0;
    await queue.consume('purchases', { maxItems: 1, concurrency: 1 }, async () => {
      await release.promise;
      handled++;
    });
    await until(async () => (await queue.status())[0]!.unacknowledged === 1);

    gateway.say(connectionBlocked('low on memory'));
    await until(() => queue.ping().then(notYet, done));
    const failure = await queue.publish('purchases', [{ body: 'two', items: 1 }]).catch((error) => error);
    expect(isAppError(failure, 'unavailable')).toBe(true);
    expect(failure.message).toContain('low on memory');
    release.resolve();
    await until(async () => (await queue.status())[0]!.unacknowledged === 0 && handled === 1);

    gateway.say(CONNECTION_UNBLOCKED);
    await until(() => queue.ping().then(done, notYet));
    await queue.publish('purchases', [{ body: 'two', items: 1 }]);
    await until(() => handled === 2);
  });

  test('P6 a broker that answers and confirms nothing, as without a majority, is one that takes no purchase', async () => {
    const queue = await open({ confirmTimeoutMs: CONFIRM_TIMEOUT_MS });
    await queue.ping();
    confirms = false;
    await until(() => queue.ping().then(notYet, done));
    expect((await queue.status())[0]).toMatchObject({ ready: 0 });
    confirms = true;
    await until(() => queue.ping().then(done, notYet));
    await queue.publish('purchases', [{ body: 'after', items: 1 }]);
    expect(await other.count('purchases')).toBe(1);
  });

  test('P6 a probe leaves nothing behind, and queues that it misses are made again', async () => {
    const queue = await open();
    await queue.ping();
    expect(await other.count('probe')).toBe(0);
    for (const deleted of ['probe', 'purchases']) {
      await other.delete(deleted);
      await until(() => queue.ping().then(notYet, done));
      await until(() => queue.ping().then(done, notYet));
    }
    for (const name of ['probe', 'purchases']) expect(await other.count(name)).toBe(0);
  });

  test('a deleted queue is made again; its messages are gone, and what comes then arrives', async () => {
    const queue = await open();
    const got = await collect(queue);
    await other.delete('purchases');
    await other.delete('purchases.dead');
    await until(() => queue.publish('purchases', [{ body: 'new', items: 1 }]).then(done, notYet));
    await until(() => got.has('new'));
    await queue.deadLetter('purchases', { body: 'bad', items: 1 }, 'why');
  });

  test('a queue deleted while nobody consumes is missed by the first message, which is surely not taken', async () => {
    const queue = await open();
    await other.delete('payments');
    expect(await failureOf(queue.publish('payments', [{ body: 'lost', items: 1 }]))).toBe('unavailable');
    await until(() => queue.publish('payments', [{ body: 'kept', items: 1 }]).then(done, notYet));
    expect(await other.count('payments')).toBe(1);
  });

  test('a cut connection: the handler ends, its acknowledgement goes nowhere, and the message comes again', async () => {
    const queue = await open();
    const release = Promise.withResolvers<void>();
    const marks: boolean[] = [];
    await queue.consume('purchases', { maxItems: 10, concurrency: 1 }, async ([delivery]) => {
      marks.push(delivery!.redelivered);
      await release.promise;
    });
    await queue.publish('purchases', [{ body: 'one', items: 1 }]);
    await until(() => marks.length === 1);
    gateway.cut();
    await until(() => queue.ping().then(notYet, done));
    release.resolve();
    await until(() => marks.length === 2);
    expect(marks).toEqual([false, true]);
    await until(async () => (await other.count('purchases')) === 0);
    await until(() => queue.status().then(([purchases]) => purchases!.unacknowledged === 0, notYet));
  });
}

async function failureOf(work: Promise<unknown>): Promise<ErrorCode | 'other' | null> {
  const error = await work.then(
    () => null,
    (reason) => reason,
  );
  if (error === null) return null;
  return isAppError(error, 'unavailable') || isAppError(error, 'outcome_unknown') ? error.code : 'other';
}

async function timed(work: Promise<unknown>) {
  const startMs = performance.now();
  return { failure: await failureOf(work), ms: performance.now() - startMs };
}

const done = () => true;
const notYet = () => false;

/** Leaves out, while `isOn`, the broker's frames that confirm: class 60 (basic), method 80 (ack). */
function withoutConfirms(isOn: () => boolean): Hearing {
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    const told: Buffer[] = [];
    while (rest.length >= FRAME_HEADER_BYTES) {
      const frameBytes = FRAME_HEADER_BYTES + rest.readUInt32BE(3) + 1;
      if (rest.length < frameBytes) break;
      const isConfirm = rest[0] === 1 && rest.readUInt32BE(FRAME_HEADER_BYTES) === ((60 << 16) | 80);
      if (!(isConfirm && isOn())) told.push(rest.subarray(0, frameBytes));
      rest = rest.subarray(frameBytes);
    }
    return Buffer.concat(told);
  };
}

const FRAME_HEADER_BYTES = 7;

/** AMQP 0-9-1's frames for class 10 (connection), methods 60 and 61, as RabbitMQ sends them in an alarm. */
function connectionBlocked(reason: string): Buffer {
  return frame(Buffer.concat([Buffer.from([0, 10, 0, 60, reason.length]), Buffer.from(reason)]));
}

function frame(method: Buffer): Buffer {
  const header = Buffer.from([1, 0, 0, 0, 0, 0, method.length]);
  return Buffer.concat([header, method, Buffer.from([0xce])]);
}

const CONNECTION_UNBLOCKED = frame(Buffer.from([0, 10, 0, 61]));
