import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENV_SOURCES } from '../src/config.ts';
import { AppError } from '../src/domain/errors.ts';
import { makeOwnFolder, removeFolder } from '../src/lib/own-folder.ts';
import { ownProgram } from '../src/lib/own-program.ts';
import { removeLeftScratchFolders } from '../src/lib/scratch-folder.ts';
import { type ProcessUsage, readFamilyUsage } from './process-usage.ts';

/** A server starts in well under a second; a machine under load gets thirty times that. */
const READY_TIMEOUT_MS = 30_000;
/** Longer than the server's own deadline for an orderly shutdown. */
const STOP_TIMEOUT_MS = 30_000;
/** Stored end of a child's messages: enough for the line with the cause of its death. */
const OUTPUT_CHARS_MAX = 16_384;
/** Stored end of its log: enough for its history under faults. */
const LOG_CHARS_MAX = 262_144;

/** The exit code, or the name of the signal that ended the process. */
export type Exit = number | string;

/** Settings, as environment variables. */
export type Env = Readonly<Record<string, string>>;

/** A server as a child process. It dies with its parent, however that ends. */
export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** The token that it made itself, because none was set. */
  readonly operatorToken: string | null;
  /** From spawning the process to its `ready` line. */
  readonly startupMs: number;
  /** Usage of all its processes. */
  usage(): ProcessUsage | null;
  /** SIGTERM, and SIGKILL after a deadline. */
  stop(): Promise<Exit>;
  /** SIGKILL, like a crash. */
  kill(): Promise<Exit>;
  /** The end of what it wrote to stderr. */
  messages(): string;
  /** The end of what it wrote to stdout, one JSON object per line. */
  log(): string;
}

export interface ServerOptions {
  /** Data folder of the embedded backends. `env` names the distributed ones. */
  readonly dataFolder?: string;
  readonly env?: Env;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Processes that share the port. */
  readonly instances?: number;
  /** Bun's own, which an executable does not take. */
  readonly bunFlags?: readonly string[];
}

/** Servers of this process that have not ended. */
const running = new Set<Bun.Subprocess>();

/** SIGKILL to all servers started here; resolves when they have ended. */
export async function killServers(): Promise<void> {
  await Promise.all(
    [...running].map((child) => {
      child.kill('SIGKILL');
      return child.exited;
    }),
  );
  // One that was warming up has not taken its folder away.
  removeLeftScratchFolders();
}

/** Starts the real server. */
export function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { dataFolder = scratchFolder(), env = {}, port = 0, instances = 1, bunFlags = [] } = options;
  const several = instances === 1 ? [] : ['--instances', `${instances}`];
  return start(['serve', '--port', `${port}`, '--data', dataFolder, ...several], env, dataFolder, bunFlags);
}

let scratch: string | undefined;

/** Folder for the operators' token of a server on distributed backends. It is removed with this process. */
function scratchFolder(): string {
  if (scratch === undefined) {
    const made = makeOwnFolder('pulsecart-scratch-');
    process.once('exit', () => removeFolder(made));
    scratch = made;
  }
  return scratch;
}

/** Starts a worker on the backends that `env` names; its URL has health and metrics only. */
export function startWorker(env: Env): Promise<ServerProcess> {
  return start(['worker', '--port', '0'], env);
}

/** Starts the baseline server, which grants all purchases or none. */
export function startNoop(answer: 'win' | 'sold-out' = 'win'): Promise<ServerProcess> {
  return start(['noop', answer], {});
}

/** `env` has all its settings: a developer's `.env` file is for their own server. */
async function start(
  args: string[],
  env: Env,
  dataFolder?: string,
  bunFlags: readonly string[] = [],
): Promise<ServerProcess> {
  const startMs = performance.now();
  const child = Bun.spawn(ownProgram(args, ['--no-env-file', ...bunFlags]), {
    // No client is about to connect to a server that its starter stops.
    env: { ...ownEnvironment(), [ENV_SOURCES]: '', PULSECART_DRAIN_MS: '0', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  running.add(child);
  void child.exited.then(() => running.delete(child));
  let messages = '';
  let output = '';
  void forEachText(child.stderr, (text) => {
    messages = (messages + text).slice(-OUTPUT_CHARS_MAX);
  });
  const ready = new Promise<{ url: string; pid: number }>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('was not ready in time')), READY_TIMEOUT_MS);
    let found = false;
    // Reading goes on after the ready line: a full pipe would stop the server.
    const read = forEachText(child.stdout, (text) => {
      output = (output + text).slice(-LOG_CHARS_MAX);
      if (found) return;
      const line = readyLine(output);
      if (line === null) return;
      found = true;
      clearTimeout(timer);
      resolve(line);
    });
    void read.then(async () => {
      clearTimeout(timer);
      reject(new Error(`ended with ${exitOf(child, await child.exited)} before it was ready`));
    });
  });
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<Exit> => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const code = await child.exited;
    clearTimeout(timer);
    return exitOf(child, code);
  };
  try {
    const { url, pid } = await ready;
    return {
      url,
      pid,
      startupMs: performance.now() - startMs,
      operatorToken: dataFolder === undefined ? null : ownTokenIn(dataFolder),
      usage: () => readFamilyUsage(pid),
      stop: () => end('SIGTERM'),
      kill: () => end('SIGKILL'),
      messages: () => messages,
      log: () => output,
    };
  } catch (error) {
    await end('SIGKILL');
    const why = error instanceof Error ? error.message : String(error);
    throw new AppError(
      'unavailable',
      `the server ${why}: ${(messages || output.slice(-OUTPUT_CHARS_MAX)).trim() || 'it said nothing'}`,
    );
  }
}

/**
 * The ready line of a server whose stdout is not a terminal: one JSON object per line, this one with `msg` "ready".
 */
export function readyLine(output: string): { url: string; pid: number } | null {
  for (const line of output.split('\n').slice(0, -1)) {
    if (!line.includes('"ready"')) continue;
    try {
      const { msg, url, pid } = JSON.parse(line) as { msg?: unknown; url?: unknown; pid?: unknown };
      if (msg === 'ready' && typeof url === 'string' && typeof pid === 'number') return { url, pid };
    } catch {
      // A line that merely mentions the word.
    }
  }
  return null;
}

function ownTokenIn(dataFolder: string): string | null {
  try {
    return readFileSync(join(dataFolder, 'operator-token'), 'utf8').trim();
  } catch {
    return null;
  }
}

/** This process's environment without the settings of a server run from the same shell. */
function ownEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(PULSECART_|PORT$|HOST$|(DATABASE|REDIS|RABBITMQ)_URL(_FILE)?$)/.test(name),
  );
  return Object.fromEntries(kept) as Record<string, string>;
}

function exitOf(child: Bun.Subprocess, code: number): Exit {
  return child.signalCode ?? code;
}

async function forEachText(stream: ReadableStream<Uint8Array>, each: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const bytes of stream) each(decoder.decode(bytes, { stream: true }));
}
