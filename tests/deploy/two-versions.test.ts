import { expect, test } from 'bun:test';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readyLine } from '../../bench/server-process.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { readPostgresBooks } from '../support/books.ts';
import { MACHINE, ROOT, runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ownBackends } from '../support/own-backends.ts';
import { startRepeatingBuyers } from '../support/repeating-buyers.ts';
import { until } from '../support/until.ts';

/** A rolling upgrade as docs/operating/deploy.md describes it: processes of two versions on the same backends. */

/** The last commit before messages about orders could bring a trace along, and before secrets could be files. */
const OLD = '59be74f63c47b24abe01f30e35f80e98d64be77f';
/** The first commit with the tables of today: a way back leads to what knows them. */
const SAME_TABLES = 'cec2b0824e1c9c876bd9168394b1ed80701bf809';
const missing: string[] = [];
for (const commit of [OLD, SAME_TABLES])
  if ((await runToEnd(['git', 'cat-file', '-e', `${commit}^{commit}`], { cwd: ROOT })).exit !== 0)
    missing.push(commit);
for (const commit of missing)
  console.error(`pulsecart: two versions are not tested side by side: git has no commit ${commit} here`);

const TOKEN = 'operators-of-both';
const BUYERS = 8;
/** Purchases with each pairing of versions. */
const PURCHASES = 100;
const UNITS = 100_000;
const STEP_TIMEOUT_MS = 30_000;
const TEST_TIMEOUT_MS = 180_000;
const API = { PULSECART_WORKER: 'off', PULSECART_PAYMENTS: 'off' };

onDistributedBackends(() => {
  test.skipIf(missing.length > 0)(
    'workers and then servers are replaced by a new version, one by one and back, and no purchase with a key fails',
    async () => {
      using folder = temporaryFolder();
      const old = join(folder.path, 'old');
      const before = join(folder.path, 'before');
      await checkOut(OLD, old);
      await checkOut(SAME_TABLES, before);
      await using own = await ownBackends();
      await using running = new AsyncDisposableStack();
      const start = async (tree: string, command: 'serve' | 'worker') => {
        const child = await startTree(tree, command, { ...own.env, ...(command === 'serve' ? API : {}) });
        running.defer(async () => void (await child.stop()));
        return child;
      };

      const servers = [await start(old, 'serve'), await start(old, 'serve')];
      let worker = await start(old, 'worker');
      await reset(servers[0]!.url);
      const buyers = startRepeatingBuyers(() => servers.map(({ url }) => url), 1, BUYERS);
      const someMore = async () => {
        const before = buyers.count();
        await until(() => buyers.count() >= before + PURCHASES, STEP_TIMEOUT_MS);
      };
      const renewWorker = async (tree: string) => {
        const newer = await start(tree, 'worker');
        expect(await worker.stop()).toBe(0);
        worker = newer;
        await someMore();
      };
      const renewServer = async (tree: string, i: number) => {
        const older = servers[i]!;
        servers[i] = await start(tree, 'serve');
        expect(await older.stop()).toBe(0);
        await someMore();
      };

      await someMore();
      await renewWorker(ROOT);
      await renewServer(ROOT, 0);
      await renewServer(ROOT, 1);
      // The first of the new ones has migrated the tables under the old ones, which then went on; but none of those starts again.
      const { exit, stderr } = await runToEnd(commandOf(old, 'serve'), {
        cwd: old,
        env: { ...own.env, PULSECART_OPERATOR_TOKEN: TOKEN },
      });
      expect([exit, stderr]).toEqual([1, expect.stringContaining('this PulseCart knows schemas up to')]);
      // Back, to what knows the same tables: first the servers, so that no worker gets what it does not understand.
      await renewServer(before, 0);
      await renewWorker(before);

      const { ids, failed } = await buyers.stop();
      expect(failed).toEqual([]);
      expect(new Set(ids).size).toBe(ids.length);
      const { url } = servers[1]!;
      await until(async () => {
        const { purchases, queues, deadLetters } = await read(url, '/api/v1/async/queue/status');
        expect(deadLetters.count).toBe(0);
        return purchases.waiting === 0 && queues.every((queue: { ready: number }) => queue.ready === 0);
      }, STEP_TIMEOUT_MS);
      await until(
        async () => (await Promise.all(ids.map(statusOf))).every((status) => status === 'paid'),
        STEP_TIMEOUT_MS,
      );
      const books = await readPostgresBooks(own.databaseUrl);
      expect(books.breaches).toEqual([]);
      // A purchase that was repeated has been bought once.
      expect((await read(url, '/api/v1/sync/stock/1')).stock).toBe(UNITS - ids.length);

      async function statusOf(id: string): Promise<string> {
        return (await read(url, `/api/v1/orders/${id}`)).status;
      }
    },
    TEST_TIMEOUT_MS,
  );
});

/** The old version as it was, on the dependencies of this one, which has all of its own and some more. */
async function checkOut(commit: string, folder: string): Promise<void> {
  mkdirSync(folder);
  const archive = `${folder}.tar`;
  const made = await runToEnd(['git', 'archive', '--output', archive, commit], { cwd: ROOT });
  expect(made).toMatchObject({ exit: 0 });
  expect(await runToEnd(['tar', '-xf', archive, '-C', folder])).toMatchObject({ exit: 0 });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
}

interface Running {
  readonly url: string;
  /** SIGTERM; resolves with the exit status. */
  stop(): Promise<number>;
}

function commandOf(tree: string, command: 'serve' | 'worker'): string[] {
  const main = join(tree, 'src', 'main.ts');
  return [process.execPath, '--no-orphans', '--no-env-file', main, command, '--port', '0'];
}

async function startTree(
  tree: string,
  command: 'serve' | 'worker',
  env: Record<string, string>,
): Promise<Running> {
  const child = Bun.spawn(commandOf(tree, command), {
    cwd: tree,
    env: { ...MACHINE, PULSECART_OPERATOR_TOKEN: TOKEN, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const stop = () => {
    child.kill('SIGTERM');
    return child.exited;
  };
  let output = '';
  let ready: { url: string } | null = null;
  void (async () => {
    const decoder = new TextDecoder();
    // Reading goes on after the ready line: a full pipe would stop the server.
    for await (const bytes of child.stdout) {
      if (ready) continue;
      output += decoder.decode(bytes, { stream: true });
      ready = readyLine(output);
    }
  })();
  await until(() => ready !== null, STEP_TIMEOUT_MS).catch(async (error) => {
    await stop();
    throw new Error(`The ${command} of ${tree} was not ready: ${output}`, { cause: error });
  });
  return { url: ready!.url, stop };
}

async function reset(url: string): Promise<void> {
  const path = `/api/v1/sync/stock/1/reset?stock=${UNITS}`;
  const headers = { Authorization: `Bearer ${TOKEN}` };
  expect((await fetch(url + path, { method: 'PUT', headers })).status).toBe(200);
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape is what they check.
async function read(url: string, path: string): Promise<any> {
  return (await fetch(url + path)).json();
}
