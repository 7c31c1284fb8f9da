import { expect, test } from 'bun:test';
import { MAIN, runPulsecart, runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, openShop } from '../support/shop.ts';

/** The crowd would keep coming for three minutes more. */
const SOON_MS = 20_000;

/** `pulsecart rush`: the crowd against a server that somebody else has started. */

test('a rush sells what is there and passes every verdict, and nobody’s stock is reset', async () => {
  await using shop = await openShop();
  await shop.buy('sync', { productId: 3, quantity: 40 });
  const { exit, result, stderr } = await rush(shop.url, '--product', '3');
  expect({ exit, stderr, failed: failed(result) }).toEqual({ exit: 0, stderr: '', failed: [] });
  expect(result).toMatchObject({ users: 400, errors: 0, stock: { before: 60, after: 0 }, calledBack: false });
  expect(result.granted).toBe(60);
  expect(result.verdicts[0].detail).toStartWith('60 for this rush, ');
  expect((await shop.readBooks()).breaches).toEqual([]);
});

test('a rush can have the shape of a flash crowd, with viewers and impatient buyers', async () => {
  await using shop = await openShop();
  const args = ['--url', shop.url, '--users', '1000', '--profile', 'mixed', '--seconds', '1', '--json'];
  const { exit, stdout } = await runPulsecart(['rush', ...args]);
  const result = JSON.parse(stdout);
  expect({ exit, failed: failed(result) }).toEqual({ exit: 0, failed: [] });
  expect(result).toMatchObject({ users: 1000, viewers: 10, errors: 0 });
  // A tenth of them, and the first ten.
  expect(result.repeated).toBeWithin(60, 160);
  const both = await runPulsecart(['rush', '--url', shop.url, '--rate', '5', '--seconds', '5']);
  expect(both).toMatchObject({ exit: 2, stderr: expect.stringContaining('give one of them') });
});

test('a rush with --stock begins a fresh round', async () => {
  await using shop = await openShop();
  const { exit, result } = await rush(shop.url, '--stock', '25', '--mode', 'sync');
  expect({ exit, stock: result.stock }).toEqual({ exit: 0, stock: { before: 25, after: 0 } });
});

test('a rush that may not open enough files says so, and how to raise the limit', async () => {
  await using shop = await openShop();
  const { exit, stdout, stderr } = await runToEnd([
    ...['sh', '-c', 'ulimit -n 256 && exec "$0" "$@"', process.execPath, '--no-env-file', MAIN],
    ...['rush', '--url', shop.url, '--users', '10'],
  ]);
  expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
  expect(stderr).toMatch(
    /^pulsecart: 512 connections are as many open files, and this process may have 256\. Run `ulimit -n 65536` in [^\n]*\n$/,
  );
});

test('a rush sends the token of operators where it needs one', async () => {
  const token = 'only-for-those-who-may';
  await using shop = await openShop({ PULSECART_OPERATOR_TOKEN: token });
  const args = ['rush', '--url', shop.url, '--stock', '5', '--users', '10'];
  using nowhere = temporaryFolder();
  const without = await runPulsecart(args, { PULSECART_DATA: nowhere.path });
  expect(without).toMatchObject({ exit: 1, stderr: expect.stringContaining('set PULSECART_OPERATOR_TOKEN') });
  const wrong = await runPulsecart(args, { PULSECART_OPERATOR_TOKEN: 'one-that-nobody-gave' });
  expect(wrong).toMatchObject({
    exit: 1,
    stderr: expect.stringMatching(/refused the token in PULSECART_OPERATOR_TOKEN\.\n$/),
  });
  expect(await runPulsecart(args, { PULSECART_OPERATOR_TOKEN: token })).toMatchObject({ exit: 0 });
});

test('Ctrl-C calls the crowd back, and what was done so far is summed up', async () => {
  await using shop = await openShop();
  const child = Bun.spawn(
    [process.execPath, '--no-env-file', MAIN, 'rush', '--url', shop.url, '--rate', '200', '--json'],
    { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  );
  await eventually(async () => (await shop.get('/api/v1/sync/stock/1')).json.stock < 950);
  child.kill('SIGINT');
  const result = JSON.parse(await new Response(child.stdout).text());
  expect({ exit: await child.exited, failed: failed(result) }).toEqual({ exit: 130, failed: [] });
  expect(result).toMatchObject({ calledBack: true, errors: 0 });
  expect(result.users).toBeWithin(20, 9_999);
});

test('P6 a rush ends soon after its server has gone, and does not judge what it cannot ask for', async () => {
  await using shop = await openShop();
  const long = ['--rate', '100', '--mode', 'sync', '--users', '20000', '--json'];
  const child = Bun.spawn([process.execPath, '--no-env-file', MAIN, 'rush', '--url', shop.url, ...long], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  await eventually(async () => (await shop.get('/api/v1/sync/stock/1')).json.stock < 950);
  await shop.server.kill();
  const timer = setTimeout(() => child.kill('SIGKILL'), SOON_MS);
  const result = JSON.parse(await new Response(child.stdout).text());
  expect(await child.exited).toBe(1);
  clearTimeout(timer);
  expect(result).toMatchObject({ serverGone: true, calledBack: false, stock: { after: null } });
  expect(result.granted).toBeGreaterThan(0);
  const states = Object.fromEntries(result.verdicts.map(({ name, pass }: Verdict) => [name, pass]));
  expect(states).toMatchObject({
    'no oversell': null,
    'every grant has a readable order': null,
    'every id is given once': true,
    'every answer keeps the contract': true,
  });
});

test('a server that grants orders and knows none of them is found out', async () => {
  const liar = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: {
      '/api/v1/sync/stock/1': () => Response.json({ productId: 1, stock: 10 }),
      '/api/v1/sync/purchase': () =>
        Response.json({
          success: true,
          orderId: crypto.randomUUID(),
          productId: 1,
          quantity: 1,
          remainingStock: 9,
        }),
    },
    fetch: () => Response.json({ message: 'There is nothing here' }, { status: 404 }),
  });
  try {
    const { exit, result } = await rush(liar.url.origin, '--mode', 'sync');
    expect(exit).toBe(1);
    expect(failed(result)).toEqual([
      'no oversell',
      'every grant has a readable order',
      'every repetition got the same answer',
    ]);
  } finally {
    await liar.stop(true);
  }
});

async function rush(url: string, ...args: string[]) {
  const crowd = ['--users', '400', '--rate', '2000', '--json'];
  const { exit, stdout, stderr } = await runPulsecart(['rush', '--url', url, ...crowd, ...args]);
  return { exit, stderr, result: JSON.parse(stdout || '{}') };
}

interface Verdict {
  readonly name: string;
  readonly pass: boolean | null;
}

function failed({ verdicts }: { readonly verdicts: readonly Verdict[] }): string[] {
  return verdicts.filter(({ pass }) => pass !== true).map(({ name }) => name);
}
