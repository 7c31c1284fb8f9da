import { audit } from '../../src/app/ops/audit.ts';
import type { Verdict } from '../../src/domain/verdict.ts';
import type { Found } from '../../src/ports/queries.ts';
import { toolsOf } from '../../src/tools.ts';
import type { Mode } from '../arrivals.ts';
import { type CrowdProgress, type CrowdResult, runCrowd } from '../crowd.ts';
import type { Environment } from '../environment.ts';
import { readQueues, readStock, readUnpaidUnits, resetStock } from '../server-api.ts';
import type { Exit, ServerProcess } from '../server-process.ts';
import { type Evidence, judge, oversold } from '../verdicts.ts';
import { poll } from '../wait.ts';

/** The sale is held on the first of the products that a fresh ledger has. */
const PRODUCT_ID = 1;
const QUANTITY = 1;
/** Processes with the distributed backends: those of a small shop. */
const API_PROCESSES = 2;
/** After the last arrival; a working server needs well under a second. */
const PATIENCE_MS = 30_000;
/** For the charges of a sale that sold everything: 1,000,000 units at 20,000 a second. */
const QUIET_TIMEOUT_MS = 60_000;
const QUIET_POLL_MS = 50;
/** Ids looked up in the books at a time. */
const FIND_BATCH = 5_000;

export interface DemoOptions {
  readonly users: number;
  readonly units: number;
  readonly mode: Mode;
  readonly seed: number;
  readonly rate: number;
}

export interface DemoResult {
  readonly users: number;
  readonly units: number;
  readonly sold: number;
  readonly reserved: number;
  readonly available: number;
  readonly oversold: number;
  readonly answered: number;
  readonly errors: number;
  /** From the first arrival to the last outcome. */
  readonly elapsedMs: number;
  readonly sync: { p50Ms: number | null; p95Ms: number | null; p99Ms: number | null };
  readonly async: { acceptP99Ms: number | null; confirmP99Ms: number | null };
  readonly verdicts: readonly Verdict[];
}

/** The demo without its output: a sale on the environment, and the comparison of its answers with its books. */
export async function holdDemo(
  options: DemoOptions,
  environment: Environment,
  onProgress?: (progress: CrowdProgress) => void,
): Promise<DemoResult> {
  const sale = await holdSale(options, environment, onProgress);
  const { evidence, audit } = await readBooks(options, sale, environment);
  return resultOf(options, sale.crowd, evidence, [...judge(evidence), ...sale.verdicts, ...audit]);
}

interface Sale {
  readonly crowd: CrowdResult;
  readonly stockTold: number;
  /** Verdicts on the servers themselves. */
  readonly verdicts: Verdict[];
}

async function holdSale(
  options: DemoOptions,
  environment: Environment,
  onProgress: ((progress: CrowdProgress) => void) | undefined,
): Promise<Sale> {
  const processes: ServerProcess[] = [];
  try {
    const server = await startAll(environment, processes);
    await resetStock(server.url, PRODUCT_ID, options.units);
    const crowd = await runCrowd({
      url: server.url,
      productId: PRODUCT_ID,
      quantity: QUANTITY,
      users: options.users,
      ratePerS: options.rate,
      mode: options.mode,
      seed: options.seed,
      patienceMs: PATIENCE_MS,
      ...(onProgress ? { onProgress } : {}),
    });
    const quiet = await allWorkDone(server.url);
    const stockTold = await readStock(server.url, PRODUCT_ID);
    const exits = await Promise.all(
      processes.map(async (one) => ({ exit: await one.stop(), said: one.messages().trim() })),
    );
    return { crowd, stockTold, verdicts: [quiet, stoppedInOrder(exits)] };
  } catch (error) {
    await Promise.all(processes.map((one) => one.kill()));
    throw error;
  }
}

/** Starts the sale's processes, adding each to `processes`; returns the buyers' server. */
async function startAll(environment: Environment, processes: ServerProcess[]): Promise<ServerProcess> {
  const start = async (starting: Promise<ServerProcess>) => {
    const started = await starting;
    processes.push(started);
    return started;
  };
  if (!environment.distributed) return start(environment.startServer());
  const apiOnly = { PULSECART_WORKER: 'off', PULSECART_PAYMENTS: 'off' };
  const server = await start(environment.startServer(apiOnly, { instances: API_PROCESSES }));
  await start(environment.distributed.startWorker());
  return server;
}

/** Waits until every accepted purchase is decided and every order charged; the verdict shows whether they were. */
async function allWorkDone(url: string): Promise<Verdict> {
  let detail = '';
  const done = await poll(
    async () => {
      const [{ purchases, deadLetters }, unpaid] = await Promise.all([readQueues(url), readUnpaidUnits(url)]);
      const { waiting } = purchases;
      const dead = deadLetters.count;
      detail = `${waiting} purchases waiting, ${unpaid} units not paid, ${dead} dead letters`;
      return waiting === 0 && unpaid === 0 ? { dead } : undefined;
    },
    { deadlineMs: QUIET_TIMEOUT_MS, everyMs: QUIET_POLL_MS },
  );
  return { name: 'work left undone', pass: done?.dead === 0, detail };
}

function stoppedInOrder(exits: readonly { exit: Exit; said: string }[]): Verdict {
  const details = exits.map(({ exit, said }) =>
    exit === 0 || said === '' ? `exit ${exit}` : `exit ${exit}: ${said.slice(-500)}`,
  );
  const pass = exits.every(({ exit }) => exit === 0);
  return { name: 'server stopped in order', pass, detail: details.join(', ') };
}

async function readBooks(
  options: DemoOptions,
  sale: Sale,
  environment: Environment,
): Promise<{ evidence: Evidence; audit: Verdict[] }> {
  const books = await (await toolsOf(environment.books)).books();
  try {
    const product = await books.product(PRODUCT_ID);
    if (product === undefined) throw new Error(`product ${PRODUCT_ID} is not in the books`);
    const { record } = sale.crowd;
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
    const evidence = { ...sold, record, entries, stockTold: sale.stockTold };
    return { evidence, audit: audit(await books.read()) };
  } finally {
    await books.close();
  }
}

function resultOf(
  options: DemoOptions,
  crowd: CrowdResult,
  evidence: Evidence,
  verdicts: readonly Verdict[],
): DemoResult {
  const { record, sync, accept, confirm } = crowd;
  const { total, reserved, sold } = evidence.product;
  return {
    users: options.users,
    units: options.units,
    sold,
    reserved,
    available: total - reserved - sold,
    oversold: oversold(evidence),
    answered: record.count('sold', 'refused', 'confirmed', 'rejected', 'failed', 'overloaded'),
    errors: record.count('none', 'accepted', 'unknown', 'wrong', 'overloaded'),
    elapsedMs: Math.round(crowd.elapsedMs),
    sync: { p50Ms: sync.percentileMs(50), p95Ms: sync.percentileMs(95), p99Ms: sync.percentileMs(99) },
    async: { acceptP99Ms: accept.percentileMs(99), confirmP99Ms: confirm.percentileMs(99) },
    verdicts,
  };
}
