import { audit } from '../src/app/ops/audit.ts';
import { AppError } from '../src/domain/errors.ts';
import type { Verdict } from '../src/domain/verdict.ts';
import type { Found } from '../src/ports/queries.ts';
import { toolsOf } from '../src/tools.ts';
import type { Mode } from './arrivals.ts';
import { type CrowdProgress, type CrowdResult, runCrowd } from './crowd.ts';
import type { Environment } from './environment.ts';
import type { OpenProfile } from './profiles.ts';
import { readQueues, readStock, readUnpaidUnits, resetStock } from './server-api.ts';
import type { Env, Exit, ServerProcess } from './server-process.ts';
import { watchServer } from './server-watch.ts';
import type { Evidence } from './verdicts.ts';
import { openViewersBeside, type Viewers } from './viewers.ts';
import { poll } from './wait.ts';

/** The sale is held on the first of the products that a fresh ledger has. */
export const PRODUCT_ID = 1;
const WARM_UP_PRODUCT_ID = 2;
const WARM_UP_PER_S_MAX = 10_000;
const QUANTITY = 1;
/** Processes with the distributed backends: those of a small shop. */
const API_PROCESSES = 2;
/** After the last arrival; a working server needs well under a second. */
const PATIENCE_MS = 30_000;
/** For the charges of a sale that sold everything: 1,000,000 units at 20,000 a second. */
const QUIET_TIMEOUT_MS = 60_000;
const QUIET_POLL_MS = 50;
const LAST_WORDS_CHARS = 500;
/** Ids looked up in the books at a time. */
const FIND_BATCH = 5_000;

export interface SaleOptions {
  readonly users: number;
  readonly units: number;
  readonly mode: Mode;
  readonly seed: number;
  /** Buyers per second, on average. */
  readonly rate: number;
  readonly profile?: OpenProfile;
  /** Open connections for purchases. */
  readonly connections?: number;
  /** Buyers of another product before the sale, at its rate or less, who are not counted: the server's code is compiled then. */
  readonly warmUp?: number;
  /** False: nothing is charged, so that a large sale is not slowed down by its payments. */
  readonly payments?: boolean;
}

export interface SaleObserver {
  /** With the units in place; the crowd comes when it resolves. */
  opens?(server: ServerProcess): Promise<void>;
  /** Before the first buyer; the first server is the buyers'. */
  begins?(servers: readonly ServerProcess[]): void;
  onProgress?(progress: CrowdProgress): void;
  /** After the last outcome, before the servers stop. */
  ends?(): void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** A sale that is over: its buyers' answers, the books, and the verdicts on the servers themselves. */
export interface Sale {
  readonly crowd: CrowdResult;
  readonly evidence: Evidence;
  readonly serverVerdicts: readonly Verdict[];
  readonly audit: readonly Verdict[];
}

/** Holds a sale on fresh servers of the environment, and reads its books. */
export async function holdSale(
  options: SaleOptions,
  environment: Environment,
  observer: SaleObserver = {},
): Promise<Sale> {
  const { stop, ...sold } = await sell(options, environment, observer);
  const serverVerdicts = [...sold.serverVerdicts, await stop()];
  return { ...sold, serverVerdicts, ...(await readBooks(options, sold, environment)) };
}

/** The same on servers that go on: the books are read beside them. */
export async function holdOpenSale(
  options: SaleOptions,
  environment: Environment,
  observer: SaleObserver = {},
): Promise<OpenSale> {
  const sold = await sell(options, environment, observer);
  try {
    return { ...sold, ...(await readBooks(options, sold, environment)) };
  } catch (error) {
    await sold.stop();
    throw error;
  }
}

export interface OpenSale extends Sale {
  readonly url: string;
  stop(): Promise<Verdict>;
}

interface Sold {
  readonly url: string;
  readonly crowd: CrowdResult;
  readonly stockTold: number;
  readonly serverVerdicts: readonly Verdict[];
  /** Ends the servers; whether they stopped in order. */
  stop(): Promise<Verdict>;
}

async function sell(options: SaleOptions, environment: Environment, observer: SaleObserver): Promise<Sold> {
  const { users, units, mode, seed, rate, profile, connections, warmUp = 0, payments = true } = options;
  let viewers: Viewers | undefined;
  const processes: ServerProcess[] = [];
  try {
    const server = await startServers(environment, processes, payments);
    if (warmUp > 0) await warm(server.url, warmUp, options);
    await resetStock(server.url, PRODUCT_ID, units);
    viewers = profile && (await openViewersBeside(profile, users, server.url, PRODUCT_ID));
    await observer.opens?.(server);
    observer.begins?.(processes);
    const watch = watchServer(server.url);
    const crowd = await runCrowd({
      url: server.url,
      productId: PRODUCT_ID,
      quantity: QUANTITY,
      users,
      ratePerS: rate,
      mode,
      seed,
      patienceMs: PATIENCE_MS,
      ...(profile && { profile }),
      ...(connections && { connections }),
      ...(observer.onProgress && { onProgress: observer.onProgress }),
      signal: observer.signal ? AbortSignal.any([observer.signal, watch.gone]) : watch.gone,
    }).finally(watch.stop);
    if (watch.gone.aborted) throw serverGone(server);
    await observer.ends?.();
    viewers?.close();
    const quiet = await allWorkDone(server.url, payments);
    const stockTold = await readStock(server.url, PRODUCT_ID);
    const stop = async () => {
      const exits = await Promise.all(
        processes.map(async (one) => ({ exit: await one.stop(), said: one.messages().trim() })),
      );
      return stoppedInOrder(exits);
    };
    return { url: server.url, crowd, stockTold, serverVerdicts: [quiet], stop };
  } catch (error) {
    viewers?.close();
    await Promise.all(processes.map((one) => one.kill()));
    throw error;
  }
}

function serverGone(server: ServerProcess): AppError {
  const said = server.messages().trim().slice(-LAST_WORDS_CHARS);
  return new AppError(
    'unavailable',
    `The server stopped answering during the sale: ${said || 'it said nothing'}`,
  );
}

async function warm(url: string, users: number, { mode, seed, rate }: SaleOptions): Promise<void> {
  await resetStock(url, WARM_UP_PRODUCT_ID, users);
  const crowd = { url, productId: WARM_UP_PRODUCT_ID, quantity: QUANTITY, mode, seed, users };
  await runCrowd({ ...crowd, ratePerS: Math.min(rate, WARM_UP_PER_S_MAX), patienceMs: PATIENCE_MS });
}

/** Starts a shop's processes, adding each to `processes`; returns the buyers' server. */
export async function startServers(
  environment: Environment,
  processes: ServerProcess[],
  payments: boolean,
): Promise<ServerProcess> {
  // As in production: a crowd's latencies should not be those of code that is being compiled.
  const env: Env = { PULSECART_WARM_UP: 'on', ...(!payments && { PULSECART_PAYMENTS: 'off' }) };
  const start = async (starting: Promise<ServerProcess>) => {
    const started = await starting;
    processes.push(started);
    return started;
  };
  if (!environment.distributed) return start(environment.startServer(env));
  const apiOnly = { ...env, PULSECART_WORKER: 'off', PULSECART_PAYMENTS: 'off' };
  const server = await start(environment.startServer(apiOnly, { instances: API_PROCESSES }));
  await start(environment.distributed.startWorker(env));
  return server;
}

/** Waits until every accepted purchase is decided and, with payments, every order charged; the verdict shows whether they were. */
async function allWorkDone(url: string, payments: boolean): Promise<Verdict> {
  let detail = '';
  const done = await poll(
    async () => {
      const [{ purchases, deadLetters }, unpaid] = await Promise.all([readQueues(url), readUnpaidUnits(url)]);
      const { waiting } = purchases;
      const dead = deadLetters.count;
      detail = `${waiting} purchases waiting, ${unpaid} units not paid, ${dead} dead letters`;
      return waiting === 0 && (unpaid === 0 || !payments) ? { dead } : undefined;
    },
    { deadlineMs: QUIET_TIMEOUT_MS, everyMs: QUIET_POLL_MS },
  );
  return { name: 'all work was done', pass: done?.dead === 0, detail };
}

function stoppedInOrder(exits: readonly { exit: Exit; said: string }[]): Verdict {
  const details = exits.map(({ exit, said }) =>
    exit === 0 || said === '' ? `exit ${exit}` : `exit ${exit}: ${said.slice(-LAST_WORDS_CHARS)}`,
  );
  const pass = exits.every(({ exit }) => exit === 0);
  return { name: 'every process stopped in order', pass, detail: details.join(', ') };
}

async function readBooks(
  options: SaleOptions,
  { crowd: { record }, stockTold }: Pick<Sold, 'crowd' | 'stockTold'>,
  environment: Environment,
): Promise<Pick<Sale, 'evidence' | 'audit'>> {
  const books = await (await toolsOf(environment.books)).books();
  try {
    const product = await books.product(PRODUCT_ID);
    if (product === undefined) throw new Error(`product ${PRODUCT_ID} is not in the books`);
    const ids: string[] = [];
    for (let buyer = 0; buyer < record.users; buyer++) {
      const id = record.id(buyer);
      if (id !== undefined) ids.push(id);
    }
    const entries = new Map<string, Found>();
    for (let at = 0; at < ids.length; at += FIND_BATCH) {
      for (const [id, found] of await books.find(ids.slice(at, at + FIND_BATCH))) entries.set(id, found);
    }
    const { seed, units } = options;
    const customers = await books.customersOf(PRODUCT_ID);
    const sold = { productId: PRODUCT_ID, quantity: QUANTITY, seed, units, product, customers };
    const evidence = { ...sold, record, entries, stockTold };
    return { evidence, audit: audit(await books.read()) };
  } finally {
    await books.close();
  }
}
