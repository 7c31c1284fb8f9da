import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Verdict } from '../domain/verdict.ts';
import type { Found } from '../ledger/ledger.ts';
import { MODES } from '../load/arrivals.ts';
import { type CrowdProgress, type CrowdResult, runCrowd } from '../load/crowd.ts';
import { readQueues, readStock, resetStock, unpaidOrders } from '../load/server-api.ts';
import { type Exit, startServer } from '../load/server-process.ts';
import { type Evidence, judge, oversold } from '../load/verdicts.ts';
import { poll } from '../load/wait.ts';
import { liveLine, summary } from './demo-text.ts';
import type { OpenBooks } from './engines.ts';
import { readFlags, type Values } from './flags.ts';

/** The sale is held on the first of the products that a fresh ledger has. */
const PRODUCT_ID = 1;
const QUANTITY = 1;
/** After the last arrival; a server that works needs well under a second. */
const PATIENCE_MS = 30_000;
/** For the charges of a sale that sold everything: 1,000,000 units at 20,000 a second. */
const QUIET_TIMEOUT_MS = 60_000;
const QUIET_POLL_MS = 50;
/** Ids looked up in the books at a time. */
const FIND_BATCH = 5_000;

/** The flags of the demo; `bench` holds the sale that they describe by default. */
export const DEMO_FLAGS = {
  users: { kind: 'integer', min: 1, max: 1_000_000, default: 100_000 },
  units: { kind: 'integer', min: 0, max: 2 ** 31 - 1, default: 1_000 },
  mode: { kind: 'choice', of: MODES, default: 'both' },
  seed: { kind: 'integer', min: 0, max: 2 ** 32 - 1, default: 1 },
  rate: { kind: 'integer', min: 1, max: 1_000_000, default: 20_000 },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart demo: a whole sale on a fresh server, and one verdict

  --users N   buyers, each a different customer (100000)
  --units N   units on sale (1000)
  --mode M    sync, async or both: each buyer by the toss of a coin (both)
  --seed N    who comes when; the same seed gives the same crowd (1)
  --rate N    buyers arriving per second, whether or not the server keeps up (20000)
  --json      the last line is one JSON object

Example: pulsecart demo --users 20000 --units 500 --mode async
Exit status 1 when a verdict fails.`;

export interface DemoDeps {
  readonly openBooks: OpenBooks;
}

export type DemoOptions = Omit<Values<typeof DEMO_FLAGS>, 'json' | 'help'>;

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

/** Opens a sale on a fresh server, sends a crowd at it, and compares every answer with the books. */
export async function demo(argv: string[], deps: DemoDeps): Promise<number> {
  const { json, help, ...options } = readFlags(argv, DEMO_FLAGS);
  if (help) {
    console.log(HELP);
    return 0;
  }
  const live = process.stderr.isTTY && !json ? liveLine(options.users) : undefined;
  const result = await runDemo(options, deps, live?.show).finally(() => live?.clear());
  console.log(json ? JSON.stringify(result) : summary(result, options.mode));
  return result.verdicts.every((verdict) => verdict.pass) ? 0 : 1;
}

/** The demo without its printing. Its folder is removed, unless a verdict failed: then the books are the evidence. */
export async function runDemo(
  options: DemoOptions,
  deps: DemoDeps,
  onProgress?: (progress: CrowdProgress) => void,
): Promise<DemoResult> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'pulsecart-demo-'));
  let keep = false;
  try {
    const sale = await holdSale(options, dataFolder, onProgress);
    const { evidence, audit } = await readBooks(options, sale, dataFolder, deps);
    const verdicts = [...judge(evidence), ...sale.verdicts, ...audit];
    keep = verdicts.some((verdict) => !verdict.pass);
    if (keep) console.error(`pulsecart demo: a verdict failed; the books are kept in ${dataFolder}`);
    return resultOf(options, sale.crowd, evidence, verdicts);
  } finally {
    if (!keep) await rm(dataFolder, { recursive: true, force: true });
  }
}

interface Sale {
  readonly crowd: CrowdResult;
  readonly stockTold: number;
  /** What must hold of the server itself. */
  readonly verdicts: Verdict[];
}

async function holdSale(
  options: DemoOptions,
  dataFolder: string,
  onProgress: ((progress: CrowdProgress) => void) | undefined,
): Promise<Sale> {
  const server = await startServer(dataFolder);
  try {
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
    const exit = await server.stop();
    return { crowd, stockTold, verdicts: [quiet, cleanExit(exit, server.messages())] };
  } catch (error) {
    await server.kill();
    throw error;
  }
}

/** Waits until every accepted purchase is decided and every order charged, and says whether that came to pass. */
async function allWorkDone(url: string): Promise<Verdict> {
  let detail = '';
  const done = await poll(
    async () => {
      const depths = await readQueues(url);
      const { waiting } = depths.purchases;
      const unpaid = unpaidOrders(depths);
      const dead = depths.deadLetters.count;
      detail = `${waiting} purchases waiting, ${unpaid} charges waiting, ${dead} dead letters`;
      return waiting === 0 && unpaid === 0 ? { dead } : undefined;
    },
    { deadlineMs: QUIET_TIMEOUT_MS, everyMs: QUIET_POLL_MS },
  );
  return { name: 'work left undone', pass: done?.dead === 0, detail };
}

function cleanExit(exit: Exit, messages: string): Verdict {
  const said = messages.trim();
  const detail = exit === 0 || said === '' ? `exit ${exit}` : `exit ${exit}: ${said.slice(-500)}`;
  return { name: 'server stopped in order', pass: exit === 0, detail };
}

async function readBooks(
  options: DemoOptions,
  sale: Sale,
  dataFolder: string,
  deps: DemoDeps,
): Promise<{ evidence: Evidence; audit: Verdict[] }> {
  const books = await deps.openBooks(dataFolder);
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
    const sold = { productId: PRODUCT_ID, quantity: QUANTITY, seed, units, product };
    const evidence = { ...sold, record, entries, stockTold: sale.stockTold };
    return { evidence, audit: await books.audit() };
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
