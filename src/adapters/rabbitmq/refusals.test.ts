import { afterEach, beforeEach, expect, test } from 'bun:test';
import { createServer } from 'node:net';
import { onDistributedBackends, ownRabbit } from '../../../tests/support/backends.ts';
import { type ForeignClient, openForeignClient } from '../../../tests/support/foreign-client.ts';
import { keptLog } from '../../../tests/support/kept-log.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError, type ErrorCode } from '../../domain/errors.ts';
import { NO_LOG } from '../../lib/log.ts';
import type { Queue } from '../../ports/queue.ts';
import { openRabbitQueue } from './queue.ts';

const SECRET = 'pa55-word';

onDistributedBackends(refusals);

function refusals(): void {
  let url: URL;
  let namespace: string;
  let other: ForeignClient;
  let close: () => Promise<void>;

  beforeEach(async () => {
    const own = await ownRabbit();
    ({ namespace } = own);
    url = new URL(own.url);
    other = await openForeignClient(own.url, namespace);
    close = own.close;
  });
  afterEach(async () => {
    await other.dropQueues();
    await close();
  });

  /** What a start-up would print: one line, and nothing secret in it. */
  async function refusalOf(given: string, name = namespace): Promise<{ code: ErrorCode; message: string }> {
    const error = await openRabbitQueue({ url: given, namespace: name, log: NO_LOG }).then(
      async (queue: Queue) => {
        await queue.close();
        return new Error('it opened');
      },
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(AppError);
    expect(error.message).not.toContain('\n');
    expect(Bun.inspect(error)).not.toContain(SECRET);
    return { code: error.code, message: error.message };
  }

  function changed(change: (url: URL) => void): string {
    const copy = new URL(url);
    change(copy);
    return copy.href;
  }

  test('a wrong password is one clear error', async () => {
    const { code, message } = await refusalOf(changed((copy) => (copy.password = SECRET)));
    expect(code).toBe('unusable_store');
    expect(message).toContain('Login was refused');
  });

  test('a virtual host that is not there is one clear error', async () => {
    const { code, message } = await refusalOf(changed((copy) => (copy.pathname = '/no-such-host')));
    expect(code).toBe('unusable_store');
    expect(message).toContain('(virtual host no-such-host) refused: the virtual host is not there');
  });

  test('a name that the broker does not permit is one clear error', async () => {
    const { code, message } = await refusalOf(url.href, 'amq.pulsecart');
    expect(code).toBe('unusable_store');
    expect(message).toContain("queue name 'amq.pulsecart");
  });

  test('another scheme is one clear error', async () => {
    const { code, message } = await refusalOf(`http://user:${SECRET}@localhost:15672`);
    expect(code).toBe('unusable_store');
    expect(message).toContain('must begin with amqp:// or amqps://');
  });

  test('what is no URL is one clear error', async () => {
    expect((await refusalOf(`amqp//user:${SECRET}@localhost`)).code).toBe('unusable_store');
    expect((await refusalOf(`amqp://user:${SECRET}@local host:5672`)).code).toBe('unusable_store');
    expect((await refusalOf(`amqp://user:${SECRET}@localhost:5672/%zz`)).code).toBe('unusable_store');
  });

  test('an unreachable host is one clear error', async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    const { code, message } = await refusalOf(`amqp://user:${SECRET}@127.0.0.1:${port}`);
    expect(code).toBe('unavailable');
    expect(message).toContain(`127.0.0.1:${port} (virtual host /) cannot be reached`);
    expect((await refusalOf(`amqp://user:${SECRET}@no-such-host.invalid`)).code).toBe('unavailable');
  });

  test('TLS where there is none is one clear error', async () => {
    expect((await refusalOf(changed((copy) => (copy.protocol = 'amqps:')))).code).toBe('unavailable');
  });

  test('a queue that is there with other arguments is one clear error', async () => {
    await other.declare('purchases', {});
    const { code, message } = await refusalOf(url.href);
    expect(code).toBe('unusable_store');
    expect(message).toContain(`queue '${namespace}.purchases'`);
    expect(message).toContain('inequivalent arg');
  });

  test('other arguments that turn up later are told once, and healed when they are gone', async () => {
    const troubles: unknown[] = [];
    const told = () => troubles.filter((trouble) => String(trouble).includes('inequivalent arg')).length;
    const queue = await openRabbitQueue({
      url: url.href,
      namespace,
      log: keptLog([], troubles),
    });
    await other.delete('purchases');
    await other.declare('purchases', {});
    // What makes a process look at all its queues again is that one of them is missing.
    await other.delete('payments');
    await queue.publish('payments', [{ body: 'lost', items: 1 }]).catch(() => {});
    await until(() => told() === 1);

    await other.delete('purchases');
    await until(() => queue.publish('purchases', [{ body: 'healed', items: 1 }]).then(done, notYet));
    await until(() => queue.status().then(done, notYet), 10_000);
    expect(told()).toBe(1);
    await queue.close();
  });
}

const done = () => true;
const notYet = () => false;
