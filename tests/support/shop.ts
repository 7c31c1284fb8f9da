import { type Exit, type ServerProcess, startServer } from '../../bench/server-process.ts';
import { type ReadBooks, readBooks } from './books.ts';
import { type Caller, createCaller } from './caller.ts';
import { temporaryFolder } from './folder.ts';
import { holdWrites } from './hold-writes.ts';
import { until } from './until.ts';

/** A real server with data of its own. `await using` ends its process and removes the data. */
export interface Shop extends Caller, AsyncDisposable {
  readonly url: string;
  readonly server: ServerProcess;
  /**
   * Ends the server if it still runs (SIGTERM) and starts another at the same address on the same data; answers how the
   * first one ended.
   */
  restart(env?: Record<string, string>): Promise<Exit>;
  readBooks(): Promise<ReadBooks>;
  /** Keeps the ledger from committing, as a disk that hangs would, until released. */
  holdWrites(): Promise<AsyncDisposable>;
}

/** On the embedded backends. */
export interface EmbeddedShop extends Shop {
  readonly folder: string;
}

export async function openShop(env: Record<string, string> = {}): Promise<EmbeddedShop> {
  const folder = temporaryFolder();
  let server = await startServer({ dataFolder: folder.path, env }).catch((error) => {
    folder[Symbol.dispose]();
    throw error;
  });
  return {
    ...createCaller(() => server),
    folder: folder.path,
    get url() {
      return server.url;
    },
    get server() {
      return server;
    },
    async restart(newEnv = env) {
      const exit = await server.stop();
      const port = Number(new URL(server.url).port);
      server = await startServer({ dataFolder: folder.path, env: newEnv, port });
      return exit;
    },
    readBooks: () => readBooks(folder.path),
    async holdWrites() {
      const held = holdWrites(folder.path);
      return { [Symbol.asyncDispose]: async () => held[Symbol.dispose]() };
    },
    async [Symbol.asyncDispose]() {
      await server.kill();
      folder[Symbol.dispose]();
    },
  };
}

/** Waits for what a server does in its own time. Generous: other servers may be tested on the same cores. */
export function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  return until(condition, EVENTUALLY_DEADLINE_MS);
}

const EVENTUALLY_DEADLINE_MS = 45_000;
