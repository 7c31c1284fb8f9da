import { expect, test } from 'bun:test';
import { chmodSync, readdirSync } from 'node:fs';
import { familyOf } from '../../bench/services/processes.ts';
import { distributedBackends } from '../support/backends.ts';
import { MACHINE, MAIN } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { isRunning } from '../support/processes.ts';
import { eventually } from '../support/shop.ts';

/** `demo --watch`: a countdown to be seen, a crowd to be watched, and a server that stays until it is told to end. */

const TIMEOUT_MS = 120_000;
const CROWD = ['--users', '600', '--rate', '600', '--units', '50', '--opens-in', '2'];

test('a sale is watched from its countdown to its charts', () => watch([]), TIMEOUT_MS);

test.skipIf(!distributedBackends)(
  'a sale on backends of its own is watched',
  () => watch(['--engines', 'production']),
  TIMEOUT_MS,
);

test('a watched sale that is interrupted before its end leaves nothing behind', async () => {
  using folder = temporaryFolder();
  using demo = start(folder.path, ['--opens-in', '600']);
  await eventually(() => demo.said().includes('/ops#token='));
  const family = familyOf(demo.child.pid);
  demo.child.kill('SIGINT');
  expect(await demo.child.exited).toBe(130);
  expect(readdirSync(folder.path)).toEqual([]);
  await eventually(() => !family.some(isRunning));
});

async function watch(flags: string[]): Promise<void> {
  using folder = temporaryFolder();
  // PostgreSQL and RabbitMQ run as their own users, who have to get at their folders in it.
  chmodSync(folder.path, 0o755);
  using demo = start(folder.path, [...CROWD, ...flags]);
  const { child, said } = demo;
  await eventually(() => said().includes('/ops#token='));
  const [shop] = /http:\S+\/p\/1/.exec(said())!;
  const [, url, token] = /(http:\S+)\/ops#token=(\w+)/.exec(said())!;
  const headers = { Authorization: `Bearer ${token}` };
  const get = async (path: string) => (await fetch(url + path, { headers })).json();
  // One of several processes may not have heard yet that the sale is to open later.
  await eventually(async () => (await get('/api/v1/products/1')).opensAt !== null);
  const product = await get('/api/v1/products/1');
  expect(product.total).toBe(50);
  for (const page of [shop, `${url}/ops`]) expect((await fetch(page)).status).toBe(200);

  // Who watches may buy, too, and no verdict is the worse for it.
  await eventually(async () => {
    const { state, opensAt } = await get('/api/v1/products/1');
    return opensAt !== null && state === 'open';
  });
  const purchase = { productId: 1, quantity: 1, userId: 'a spectator' };
  const bought = await fetch(`${url}/api/v1/sync/purchase`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(purchase),
  });
  await eventually(() => said().includes('Ctrl-C ends it'));
  expect(said()).toContain(bought.ok ? '49 of 49 sold' : '50 of 50 sold');
  expect(said()).not.toContain('FAIL');

  // The charts and the orders are there to be looked at.
  await eventually(async () => {
    const { samples } = await get('/api/v1/ops/history');
    const sold = samples.at(-1)?.units[0].sold;
    return sold === 50 && samples.some(({ units }: { units: { sold: number }[] }) => units[0]!.sold === 0);
  });
  const family = familyOf(child.pid);
  expect(family.length).toBeGreaterThan(1);
  child.kill('SIGINT');
  expect(await child.exited).toBe(0);
  expect(readdirSync(folder.path)).toEqual([]);
  await eventually(() => !family.some(isRunning));
}

function start(folder: string, flags: string[]) {
  const child = Bun.spawn([process.execPath, '--no-env-file', MAIN, 'demo', '--watch', ...flags], {
    env: { ...MACHINE, TMPDIR: folder },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  let text = '';
  void (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) text += decoder.decode(bytes, { stream: true });
  })();
  return { child, said: () => text, [Symbol.dispose]: () => child.kill('SIGKILL') };
}
