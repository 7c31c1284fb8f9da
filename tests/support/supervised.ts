import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import type { Env, Exit } from '../../bench/server-process.ts';
import { familyOf } from '../../bench/services/processes.ts';
import { inSchema } from '../../src/lib/database-url.ts';
import { MAIN, runPulsecart } from './command.ts';
import { temporaryFolder } from './folder.ts';
import { ownBackends } from './own-backends.ts';
import { eventually } from './shop.ts';

/** A supervisor and its instances, to be looked at before it is ready, too. `await using` ends them. */
export interface Supervised extends AsyncDisposable {
  readonly databaseUrl: string;
  /** Begins to start it, on tables that are up to date. */
  start(): void;
  /** The same, and waits until it is ready. */
  startUp(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** How the supervisor ended. */
  ended(): Promise<Exit>;
  /** The processes that it started and that are still there, ready or not. */
  instances(): number[];
  /** How many of them listen at the port. */
  listening(): number;
  /** Messages of the log lines of all of them, in their order. */
  messages(): string[];
  /** How often a message was logged. */
  said(message: string): number;
}

export async function openSupervised(instances: number, more: Env = {}): Promise<Supervised> {
  const backends = await ownBackends();
  const folder = temporaryFolder();
  const env: Env = { ...backends.env, PULSECART_DATA: folder.path, ...more };
  const { exit, stderr } = await runPulsecart(['migrate'], env);
  if (exit !== 0) throw new Error(stderr);
  let supervisor: Bun.Subprocess<'ignore', 'pipe', 'inherit'> | undefined;
  let output = '';

  async function read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) output += decoder.decode(bytes, { stream: true });
  }

  const lines = () =>
    output
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { msg: string; url?: string });
  const messages = () => lines().map(({ msg }) => msg);
  const said = (message: string) => messages().filter((one) => one === message).length;
  const start = () => {
    output = '';
    const args = [MAIN, 'serve', '--port', '0', '--instances', `${instances}`];
    supervisor = Bun.spawn([process.execPath, '--no-env-file', '--no-orphans', ...args], {
      env: { PATH: process.env.PATH ?? '', PULSECART_DRAIN_MS: '0', ...env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
    });
    void read(supervisor.stdout);
  };
  const ended = async () => {
    const code = await supervisor!.exited;
    return supervisor!.signalCode ?? code;
  };

  return {
    databaseUrl: inSchema(env.DATABASE_URL!, env.PULSECART_NAMESPACE!),
    start,
    async startUp() {
      start();
      await eventually(() => said('ready') === 1);
    },
    signal: (signal) => supervisor!.kill(signal),
    ended,
    instances: () => familyOf(supervisor!.pid).filter((pid) => pid !== supervisor!.pid),
    listening() {
      const url = lines().find(({ msg }) => msg === 'ready')!.url!;
      return listenersAt(Number(new URL(url).port));
    },
    messages,
    said,
    async [Symbol.asyncDispose]() {
      supervisor?.kill('SIGKILL');
      await supervisor?.exited;
      await backends[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** By proc(5): sockets of IPv4 that listen (0A) at this port. */
function listenersAt(port: number): number {
  const address = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(address) && state === '0A').length;
}

/** Keeps processes that start from reading which tables there are, and so from getting ready, until disposed of. */
export interface HeldStarts extends AsyncDisposable {
  /** Waits until so many stand before it. */
  untilWaiting(count: number): Promise<void>;
}

/** With `behind`, it takes hold when that one has let go, after those who stand before it by now. */
export async function holdStarts(databaseUrl: string, behind?: HeldStarts): Promise<HeldStarts> {
  const [holder, observer] = [await connect(databaseUrl), await connect(databaseUrl)];
  await holder.query('BEGIN');
  const held = holder.query('LOCK TABLE pulsecart_schema IN ACCESS EXCLUSIVE MODE');
  const waiting = async (mode: string) =>
    Number((await observer.query(COUNT_WAITING, [mode])).rows[0].waiting);
  if (behind) await eventually(async () => (await waiting('AccessExclusiveLock')) === 1);
  else await held;
  return {
    untilWaiting: (count) => eventually(async () => (await waiting('AccessShareLock')) === count),
    async [Symbol.asyncDispose]() {
      await held;
      await holder.query('COMMIT');
      await Promise.all([holder.end(), observer.end()]);
    },
  };
}

const COUNT_WAITING = `
  SELECT count(*) AS waiting FROM pg_locks WHERE relation = 'pulsecart_schema'::regclass AND NOT granted AND mode = $1`;

async function connect(databaseUrl: string): Promise<Client> {
  const client = new Client({ connectionString: databaseUrl });
  client.on('error', () => {});
  await client.connect();
  return client;
}
