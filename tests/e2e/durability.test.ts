import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readyLine } from '../../bench/server-process.ts';
import { openStore } from '../../src/adapters/sqlite/store.ts';
import { MACHINE, MAIN } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { isRunning } from '../support/processes.ts';
import { eventually } from '../support/shop.ts';
import { whyNoStrace } from '../support/strace.ts';

/** An answer is sent after its commit is on disk: the settings say so, and the system calls show it. */

test('the writing connection keeps a write-ahead log and syncs it with every commit', () => {
  using folder = temporaryFolder();
  const store = openStore(folder.path);
  try {
    const read = (name: string) => Object.values(store.db.query(`PRAGMA ${name}`).get() as object)[0];
    expect(read('journal_mode')).toBe('wal');
    const FULL = 2;
    expect(read('synchronous')).toBe(FULL);
  } finally {
    store.close();
  }
  // The header of the file itself says WAL to whoever opens it next.
  expect([...readFileSync(join(folder.path, 'pulsecart.db')).subarray(18, 20)]).toEqual([2, 2]);
});

test.skipIf(whyNoStrace !== null)(
  'each answer to a purchase comes after a sync of the log',
  async () => {
    const ALONE = 10;
    const TOGETHER = 200;
    await using traced = await startTraced({ PULSECART_PAYMENTS: 'off', PULSECART_WORKER: 'off' });
    for (let i = 1; i <= ALONE; i++) {
      expect(await traced.buy('sync')).toBe(200);
      // The charge is queued in a commit of its own; when that is done, the next sync is that of the next purchase.
      await eventually(async () => (await traced.queued('payments')) === i);
      expect(await traced.buy('async')).toBe(202);
      expect(await traced.queued('purchases')).toBe(i);
    }
    const batchesBefore = await traced.batches();
    const answers = await Promise.all(Array.from({ length: TOGETHER }, () => traced.buy('sync')));
    expect(answers.every((status) => status === 200)).toBe(true);
    const batches = (await traced.batches()) - batchesBefore;
    const calls = await traced.stop();

    let syncs = 0;
    const syncsBefore: number[] = [];
    for (const call of calls) {
      if (call === 'sync') syncs++;
      else {
        if (call === 'purchase answered') syncsBefore.push(syncs);
        if (syncsBefore.length < 2 * ALONE) syncs = 0;
      }
    }
    expect(syncsBefore).toHaveLength(2 * ALONE + TOGETHER);
    expect(syncsBefore.slice(0, 2 * ALONE).filter((count) => count === 0)).toEqual([]);
    expect(batches).toBeGreaterThan(0);
    expect(syncs).toBeGreaterThanOrEqual(batches);
  },
  120_000,
);

/** What a server did, in its order: the log synced, a purchase answered, something else answered. */
type Traced = 'sync' | 'purchase answered' | 'answered';

/** A server under strace. */
async function startTraced(env: Record<string, string>) {
  const folder = temporaryFolder();
  const data = join(folder.path, 'data');
  const trace = join(folder.path, 'trace');
  const calls = 'fsync,fdatasync,write,writev,sendto,sendmsg';
  const child = Bun.spawn(
    // `-y` shows the file behind a descriptor; `-f` follows the thread that writes.
    ['strace', '-f', '-y', '-s', '600', '-e', `trace=${calls}`, '-o', trace].concat([
      process.execPath,
      '--no-env-file',
      '--no-orphans',
      MAIN,
      'serve',
      '--port',
      '0',
      '--data',
      data,
    ]),
    { env: { ...MACHINE, ...env }, stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
  );
  const { url, pid } = await firstLine(child.stdout).catch((error) => {
    folder[Symbol.dispose]();
    throw error;
  });
  // biome-ignore lint/suspicious/noExplicitAny: two figures are read from answers that other tests check.
  const json = async (path: string): Promise<any> => (await fetch(url + path)).json();
  return {
    async buy(channel: string): Promise<number> {
      const response = await fetch(`${url}/api/v1/${channel}/purchase`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: '{"productId":1,"quantity":1}',
      });
      await response.text();
      return response.status;
    },
    async queued(name: string): Promise<number> {
      const { queues } = await json('/api/v1/async/queue/status');
      return queues.find((queue: { name: string }) => queue.name === name).ready;
    },
    async batches(): Promise<number> {
      return (await json('/actuator/metrics/pulsecart_purchase_batches_total')).measurements[0].value;
    },
    async stop(): Promise<Traced[]> {
      process.kill(pid, 'SIGTERM');
      await child.exited;
      return readTrace(readFileSync(trace, 'utf8'));
    },
    async [Symbol.asyncDispose]() {
      if (isRunning(pid)) process.kill(pid, 'SIGKILL');
      await child.exited;
      folder[Symbol.dispose]();
    },
  };
}

async function firstLine(stdout: ReadableStream<Uint8Array>): Promise<{ url: string; pid: number }> {
  const reader = stdout.getReader();
  const decoder = new TextDecoder();
  let output = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the server did not start: ${output}`);
    output += decoder.decode(value, { stream: true });
    const line = readyLine(output);
    if (line === null) continue;
    reader.releaseLock();
    return line;
  }
}

/** A sync counts when it has come back; an answer when it begins to be sent. */
function readTrace(text: string): Traced[] {
  const traced: Traced[] = [];
  const syncing = new Set<string>();
  for (const line of text.split('\n')) {
    const [, thread = '', call = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (/^f(data)?sync\(\d+<[^>]*pulsecart\.db-wal>/.test(call)) {
      if (call.endsWith('= 0')) traced.push('sync');
      else if (call.includes('unfinished')) syncing.add(thread);
    } else if (/^<\.\.\. f(data)?sync resumed>.*= 0$/.test(call)) {
      if (syncing.delete(thread)) traced.push('sync');
    } else if (
      /^(write|writev|sendto|sendmsg)\(\d+<[^>]*socket|^(write|writev|sendto|sendmsg)\(\d+<TCP/.test(call)
    ) {
      if (/\\"(success|accepted)\\":true/.test(call)) traced.push('purchase answered');
      else if (call.includes('HTTP/1.1 ')) traced.push('answered');
    }
  }
  return traced;
}
