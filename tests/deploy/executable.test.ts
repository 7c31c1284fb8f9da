import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readyLine } from '../../bench/server-process.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { MACHINE, ROOT, runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type OwnBackends, ownBackends } from '../support/own-backends.ts';
import { isRunning } from '../support/processes.ts';
import { eventually } from '../support/shop.ts';

/** `npm run build`: one file that is the whole program, in a folder with nothing else and without Node. */

const BUILD_TIMEOUT_MS = 120_000;
const SALE_TIMEOUT_MS = 120_000;
const SALE = ['demo', '--users', '2000', '--units', '100', '--rate', '2000', '--json'];

const folder = temporaryFolder();
const program = join(folder.path, 'pulsecart');

beforeAll(async () => {
  const built = await runToEnd(['node', join(ROOT, 'bin', 'build.mjs'), program], {
    timeoutMs: BUILD_TIMEOUT_MS,
  });
  expect(built).toMatchObject({ exit: 0, stdout: expect.stringMatching(/pulsecart {2}\d+ MB\n$/) });
}, BUILD_TIMEOUT_MS);
afterAll(() => folder[Symbol.dispose]());

test('has every command', async () => {
  const overview = await run(['--help']);
  const commands = [...overview.stdout.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name!);
  expect(commands.length).toBeGreaterThan(10);
  for (const command of commands) {
    const { exit, stdout } = await run([command, '--help']);
    expect([exit, stdout]).toEqual([0, expect.stringContaining(`pulsecart ${command}`)]);
  }
});

test('reads a `.env` file as it is written', async () => {
  const home = emptyFolder();
  await Bun.write(join(home, '.env'), 'PORT=0\nPULSECART_OPERATOR_TOKEN=with#hash-and-$PATH-in-it\n');
  const { settings } = JSON.parse((await run(['doctor', '--json'], { cwd: home })).stdout);
  expect(settings).toContainEqual({ name: 'PORT', value: '0', source: '.env' });
  await using server = await start(['serve'], home);
  const headers = { Authorization: 'Bearer with#hash-and-$PATH-in-it' };
  expect((await fetch(`${server.url}/api/v1/ops/log`, { headers })).status).toBe(200);
});

test('sells, is healthy, and leaves books that balance', async () => {
  const home = emptyFolder();
  await using server = await start(['serve', '--port', '0'], home);
  expect((await buy(server.url, 'sync')).status).toBe(200);
  expect((await run(['health', '--url', server.url])).exit).toBe(0);
  for (const page of ['/', '/ops']) {
    const html = await (await fetch(server.url + page, { headers: { Accept: 'text/html' } })).text();
    const [, script] = / src="(\/assets\/[^"]+\.js)"/.exec(html)!;
    expect(await (await fetch(server.url + script!)).text()).toContain('/api/v1/');
  }
  // It starts itself again, as a crowd.
  const token = readFileSync(join(home, 'data', 'operator-token'), 'utf8').trim();
  const call = (method: string, body?: object) =>
    fetch(`${server.url}/api/v1/ops/rush`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
  expect((await call('POST', { productId: 2, users: 100, reason: 'to see it' })).status).toBe(202);
  const rush = async () => (await call('GET')).json();
  await eventually(async () => (await rush()).state !== 'running');
  expect(await rush()).toMatchObject({ state: 'done', result: { granted: 100, errors: 0 } });
  expect(await server.stop()).toBe(0);
  expect(await run(['audit'], { cwd: home })).toMatchObject({ exit: 0 });
  expect(await run(['migrate', '--check'], { cwd: home })).toMatchObject({ exit: 0 });
  expect(readdirSync(home)).toEqual(['data']);
});

test(
  'shows a whole sale',
  async () => {
    expectPassed(await run(SALE, { cwd: emptyFolder() }));
  },
  SALE_TIMEOUT_MS,
);

onDistributedBackends(() => {
  let backends: OwnBackends;
  beforeAll(async () => {
    backends = await ownBackends();
  });
  afterAll(() => backends[Symbol.asyncDispose]());

  test(
    'migrates, sells by several processes and workers, and takes them with it when it is killed',
    async () => {
      const { env } = backends;
      const home = emptyFolder();
      expect(await run(['migrate'], { env, cwd: home })).toMatchObject({ exit: 0 });
      expect(await run(['doctor'], { env, cwd: home })).toMatchObject({ exit: 0 });
      await using server = await start(['serve', '--port', '0', '--instances', '2'], home, {
        ...env,
        PULSECART_WORKER: 'off',
      });
      await using worker = await start(['worker', '--port', '0'], home, env);
      expect((await buy(server.url, 'sync')).status).toBe(200);
      const accepted = await buy(server.url, 'async');
      const tracking = `${server.url}${accepted.headers.get('location')}`;
      await eventually(
        async () => ((await (await fetch(tracking)).json()) as { status: string }).status === 'confirmed',
      );
      expect((await run(['health', '--url', worker.url])).exit).toBe(0);
      const instances = childrenOf(server.pid);
      expect(instances).toHaveLength(2);
      await server.kill();
      await eventually(() => !instances.some(isRunning));
      expect(await worker.stop()).toBe(0);
      expect(await run(['audit'], { env, cwd: home })).toMatchObject({ exit: 0 });
    },
    SALE_TIMEOUT_MS,
  );

  test(
    'shows a whole sale on backends that it starts',
    async () => {
      expectPassed(await run([...SALE, '--engines', 'production'], { cwd: emptyFolder(), env: MACHINE }));
    },
    SALE_TIMEOUT_MS,
  );
});

let folders = 0;
function emptyFolder(): string {
  const path = join(folder.path, `home${folders++}`);
  mkdirSync(path);
  return path;
}

/** Without a PATH no Node can be found. */
function run(args: readonly string[], { cwd = emptyFolder(), env = {} as Record<string, string> } = {}) {
  return runToEnd([program, ...args], { cwd, env: { PATH: '', ...env }, timeoutMs: SALE_TIMEOUT_MS });
}

/** The processes that a process has started, on Linux. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => parentOf(child) === pid);
}

function parentOf(pid: number): number | null {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
  } catch {
    return null; // It has ended.
  }
}

async function start(args: readonly string[], cwd: string, env: Record<string, string> = {}) {
  const child = Bun.spawn([program, ...args], {
    cwd,
    env: { PULSECART_DRAIN_MS: '0', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  let output = '';
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    if (readyLine(output)) break;
  }
  const { url } = readyLine(output)!;
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return child.exited;
  };
  return {
    url,
    pid: child.pid,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    [Symbol.asyncDispose]: async () => void (await end('SIGKILL')),
  };
}

function buy(url: string, way: 'sync' | 'async'): Promise<Response> {
  return fetch(`${url}/api/v1/${way}/purchase`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ productId: 1, quantity: 1, userId: 'somebody' }),
  });
}

function expectPassed({ exit, stdout, stderr }: { exit: number | string; stdout: string; stderr: string }) {
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  const { sold, oversold, errors, verdicts } = JSON.parse(stdout);
  expect({ sold, oversold, errors }).toEqual({ sold: 100, oversold: 0, errors: 0 });
  expect(verdicts.filter(({ pass }: { pass: boolean }) => !pass)).toEqual([]);
}
