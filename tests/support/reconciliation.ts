import { Database } from 'bun:sqlite';
import { join } from 'node:path';
import { Client } from 'pg';
import { type Asked, readOutcome } from '../../bench/answers.ts';
import type { CrowdRecord } from '../../bench/crowd-record.ts';
import { customerOf } from '../../bench/requests.ts';
import type { BooksPlace } from '../../src/config.ts';

/** Reconciliation of an interrupted sale: reads the outcomes still owed, and compares every answer with the books. */

/** For a backlog of some thousand purchases on a busy machine. */
const OUTCOMES_DEADLINE_MS = 30_000;
const ASK_AT_ONCE = 64;

/**
 * Asks for the outcome of every 202 that has none yet, and writes it into the record. One that has none at the deadline
 * stays `accepted`.
 */
export async function hearOutcomes(url: string, record: CrowdRecord, asked: Asked): Promise<void> {
  const deadline = performance.now() + OUTCOMES_DEADLINE_MS;
  const owed = [...buyersOf(record)].filter((buyer) => record.result(buyer) === 'accepted');
  const ask = async () => {
    for (let buyer = owed.pop(); buyer !== undefined && performance.now() < deadline; buyer = owed.pop()) {
      const id = record.id(buyer)!;
      const response = await fetch(`${url}/api/v1/async/purchase/${id}?wait=10s`);
      const raw = { status: response.status, body: await response.text(), retryAfter: null };
      const answer = readOutcome(raw, asked, id);
      switch (answer.kind) {
        case 'confirmed':
        case 'rejected':
        case 'failed':
          record.set(buyer, answer.kind, answer);
          break;
        case 'overloaded':
          await Bun.sleep(answer.retryAfterMs);
          owed.push(buyer);
          break;
        case 'wrong':
          record.sample(answer.why);
          break;
        default:
          owed.push(buyer);
      }
    }
  };
  await Promise.all(Array.from({ length: ASK_AT_ONCE }, ask));
}

/** One round of a product's sale as the tables hold it. */
export interface Round {
  readonly units: number;
  readonly orders: readonly RoundOrder[];
  /** Codes of the refusals on record, by purchase id. */
  readonly refusals: ReadonlyMap<string, string>;
}

interface RoundOrder extends Asked {
  readonly id: string;
  readonly customer: string;
  readonly channel: string;
}

/** Reads the tables themselves, so that nothing here trusts the code under test. */
export async function readRound(place: BooksPlace, productId: number): Promise<Round> {
  await using tables = 'databaseUrl' in place ? await postgres(place.databaseUrl) : sqlite(place.dataFolder);
  const [round] = await tables.all<{ generation: number; units: number }>(`
    SELECT generation, units FROM generations WHERE product_id = ${productId} ORDER BY generation DESC LIMIT 1`);
  const refusals = await tables.all<{ id: string; code: string }>(`
    SELECT purchase_id AS id, code FROM outcomes WHERE product_id = ${productId}`);
  return {
    units: round!.units,
    orders: await tables.all<RoundOrder>(`
      SELECT id, CAST(product_id AS integer) AS "productId", quantity, customer, channel FROM orders
      WHERE product_id = ${productId} AND generation = ${round!.generation}`),
    refusals: new Map(refusals.map(({ id, code }) => [id, code])),
  };
}

/** One moment of a ledger's tables, for statements that both dialects read alike. */
interface Tables extends AsyncDisposable {
  all<Row>(statement: string): Promise<Row[]>;
}

function sqlite(dataFolder: string): Tables {
  const db = new Database(join(dataFolder, 'pulsecart.db'), { readonly: true });
  db.exec('PRAGMA busy_timeout = 5000; BEGIN');
  return {
    all: async <Row>(statement: string) => db.query(statement).all() as Row[],
    [Symbol.asyncDispose]: async () => db.close(),
  };
}

async function postgres(databaseUrl: string): Promise<Tables> {
  const client = new Client({ connectionString: databaseUrl });
  client.on('error', () => {});
  await client.connect();
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  return {
    all: async <Row>(statement: string) => (await client.query(statement)).rows as Row[],
    [Symbol.asyncDispose]: () => client.end(),
  };
}

/** A crowd of the round, by the seed that its buyers are named after. */
export interface Told {
  readonly record: CrowdRecord;
  readonly seed: number;
}

/**
 * Compares what every buyer was told with the books; answers what does not agree. A buyer who was granted has exactly
 * that order; one who was cut off may have one or none; all others have none.
 */
export function disagreements(crowds: readonly Told[], asked: Asked, round: Round): string[] {
  const wrong: string[] = [];
  const ordersOf = Map.groupBy(round.orders, ({ customer }) => customer);
  for (const { record, seed } of crowds) {
    wrong.push(...record.samples);
    for (const buyer of buyersOf(record)) {
      const customer = customerOf(seed, buyer);
      const orders = ordersOf.get(customer) ?? [];
      ordersOf.delete(customer);
      const complaint = disagreement(record, buyer, orders, asked, round);
      if (complaint) wrong.push(`${customer}, told ${record.result(buyer)}: ${complaint}`);
    }
  }
  for (const customer of ordersOf.keys()) wrong.push(`${customer} has an order and never came`);
  const sold = round.orders.reduce((sum, { quantity }) => sum + quantity, 0);
  if (sold > round.units) wrong.push(`${sold} units sold of ${round.units}`);
  return wrong;
}

function disagreement(
  record: CrowdRecord,
  buyer: number,
  orders: readonly RoundOrder[],
  asked: Asked,
  { refusals }: Round,
): string | null {
  const id = record.id(buyer);
  if (orders.length > 1) return `${orders.length} orders`;
  const [order] = orders;
  switch (record.result(buyer)) {
    case 'sold':
    case 'confirmed': {
      const channel = record.isAsync[buyer] === 1 ? 'async' : 'sync';
      const isTheirs =
        order?.id === id &&
        order?.productId === asked.productId &&
        order.quantity === asked.quantity &&
        order.channel === channel;
      return isTheirs ? null : `the order is ${JSON.stringify(order)}`;
    }
    case 'unknown':
      return null;
    case 'accepted':
      return 'no outcome';
    case 'wrong':
      return 'an answer that the contract does not allow';
    case 'rejected':
    case 'failed': {
      // A sell-out known at acceptance is said by the id itself and is not on record.
      const code = refusals.get(id!) ?? 'sold_out';
      if (code !== record.code(buyer)) return `told ${record.code(buyer)}, on record is ${code}`;
      return order ? `has the order ${order.id}` : null;
    }
    default:
      return order ? `has the order ${order.id}` : null;
  }
}

function* buyersOf(record: CrowdRecord): Generator<number> {
  for (let buyer = 0; buyer < record.users; buyer++) yield buyer;
}
