import { expect, test } from 'bun:test';
import { connect, createServer } from 'node:net';
import { within } from './within.ts';

test('work that ends in time gives what it gives', async () => {
  expect(await within(Promise.resolve(7), 1_000)).toBe(7);
  await expect(within(Promise.reject(new Error('its own trouble')), 1_000)).rejects.toThrow(
    'its own trouble',
  );
});

test('work that does not end is rejected after its time, with the words asked for', async () => {
  const never = new Promise<never>(() => {});
  const startedAtMs = performance.now();
  await expect(within(never, 40, () => new Error('too late'))).rejects.toThrow('too late');
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(35);
  await expect(within(never, 20)).rejects.toThrow('no answer within 20 ms');
});

test('how work ends after its time troubles nobody', async () => {
  const { promise, reject } = Promise.withResolvers<never>();
  await expect(within(promise, 5)).rejects.toThrow('no answer');
  reject(new Error('nobody listens any more'));
  await Bun.sleep(1);
});

test('answers that lie in the socket after a pause of our own are not late, one question after the other', async () => {
  await using line = await openLine();
  await line.ask();
  const questions = (async () => {
    for (let i = 0; i < 5; i++) await line.ask();
  })();
  const inTime = within(questions, 200);
  busyFor(500);
  await inTime;
});

/** Holds the event loop, as a starved machine or a long collection of garbage does. */
function busyFor(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** A connection to somebody who answers every question at once. */
async function openLine() {
  const server = createServer((socket) => socket.on('data', (data) => socket.write(data)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const socket = connect(port, '127.0.0.1');
  return {
    ask: () =>
      new Promise<void>((resolve) => {
        socket.once('data', () => resolve());
        socket.write('?');
      }),
    async [Symbol.asyncDispose]() {
      socket.destroy();
      server.close();
    },
  };
}
