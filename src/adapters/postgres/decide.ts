import type { Order } from '../../domain/order.ts';
import { available, type Product } from '../../domain/product.ts';
import { type Outcome, type Purchase, type RefusalCode, reserved } from '../../domain/purchase.ts';
import { NO_CHANGES } from '../../ports/changes.ts';
import { type Decision, decisionOf } from '../../ports/decisions.ts';
import { idArray, numberArray, textArray } from './arrays.ts';
import type { Database } from './database.ts';

/** What the stored functions answer (migrations/0001-decide.sql): all that a batch does not know already. */
interface Sold {
  readonly now: number;
  readonly products: readonly Product[];
  /** Numbers of each product's first order; only this answer has them. */
  readonly first: readonly number[];
}
interface Decided {
  readonly now: number;
  readonly products: readonly Product[];
  readonly verdicts: readonly ('reserved' | 'again' | 'mismatch' | 'superseded' | RefusalCode)[];
  readonly figures: readonly number[];
  readonly remaining: readonly number[];
  readonly ids: readonly string[];
  /** The orders of the ids. */
  readonly orders: readonly Order[];
}

/** Decides a batch in one round trip. The answer is small; the outcomes are put together here. */
export function createDecide(database: Pick<Database, 'write'>) {
  return async (purchases: readonly Purchase[], again = false): Promise<Decision> => {
    if (purchases.length === 0) return { outcomes: [], changes: NO_CHANGES };
    const [first] = purchases;
    const isPlainBatch = !again && purchases.every((purchase) => isPlain(purchase, first!.channel));
    return (isPlainBatch && (await sell(purchases))) || decide(purchases, again);
  };

  async function decide(purchases: readonly Purchase[], again: boolean): Promise<Decision> {
    const insisting = purchases.some(({ expectedPriceMinor }) => expectedPriceMinor !== null);
    const values = decideValues(purchases, again);
    const [row] = insisting
      ? await database.write<{ answer: Decided }>(DECIDE_AT_PRICES, [...values, expectedPrices(purchases)])
      : await database.write<{ answer: Decided }>(DECIDE, values);
    return decision(row!.answer, purchases);
  }

  /** Null when some of them may be too old. */
  async function sell(purchases: readonly Purchase[]): Promise<Decision | null> {
    const groups = [...Map.groupBy(purchases, ({ productId }) => productId).values()].sort(
      ([a], [b]) => a!.productId - b!.productId,
    );
    const [row] = await database.write<{ answer: Sold | Decided | null }>(SELL, sellValues(groups));
    const answer = row!.answer;
    if (answer === null) return null;
    const grouped = groups.flat();
    const decided = 'first' in answer ? sold(answer, groups) : decision(answer, grouped);
    if (groups.length === 1) return decided;
    // Back in the order asked for, in which one purchase may stand twice.
    const outcomesOf = Map.groupBy(grouped.keys(), (i) => grouped[i]!);
    return {
      ...decided,
      outcomes: purchases.map((purchase) => decided.outcomes[outcomesOf.get(purchase)!.shift()!]!),
    };
  }
}

const SELL = 'SELECT pulsecart_sell($1, $2, $3, $4, $5, $6, $7, $8, $9) AS answer';
const DECIDE = 'SELECT pulsecart_decide($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS answer';
const DECIDE_AT_PRICES =
  'SELECT pulsecart_decide_at_prices($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) AS answer';

function isPlain(
  { channel, key, refusal, expectedPriceMinor }: Purchase,
  channelOfAll: Purchase['channel'],
): boolean {
  return channel === channelOfAll && key === null && refusal === null && expectedPriceMinor === null;
}

function sellValues(groups: readonly (readonly Purchase[])[]): unknown[] {
  const purchases = groups.length === 1 ? groups[0]! : groups.flat();
  return [
    purchases[0]!.channel === 'async',
    numberArray(groups.map(([first]) => first!.productId)),
    numberArray(groups.map(({ length }) => length)),
    numberArray(groups.map(unitsOf)),
    idArray(purchases.map(({ id }) => id)),
    quantities(purchases),
    customers(purchases),
    purchases.reduce((oldest, { id }) => (id < oldest ? id : oldest), purchases[0]!.id),
    purchases.reduce((first, { decideBy }) => Math.min(first, decideBy), Number.MAX_SAFE_INTEGER),
  ];
}

function decideValues(purchases: readonly Purchase[], again: boolean): unknown[] {
  const productIds = [...new Set(purchases.map(({ productId }) => productId))].sort((a, b) => a - b);
  const places = new Map(productIds.map((id, i) => [id, i + 1]));
  const keyed = purchases.some(({ key }) => key !== null);
  return [
    numberArray(productIds),
    numberArray(purchases.map(({ productId }) => places.get(productId)!)),
    idArray(purchases.map(({ id }) => id)),
    quantities(purchases),
    customers(purchases),
    `{${purchases.map(({ channel }) => channel === 'async').join()}}`,
    keyed ? textArray(purchases.map(({ key }) => key?.scope ?? null)) : null,
    keyed ? textArray(purchases.map(({ key }) => key?.value ?? null)) : null,
    keyed ? textArray(purchases.map(({ key }) => key?.fingerprint ?? null)) : null,
    purchases.some(({ refusal }) => refusal !== null)
      ? textArray(purchases.map(({ refusal }) => refusal))
      : null,
    keyed ? numberArray(purchases.map(({ acceptedAt }) => acceptedAt)) : null,
    numberArray(purchases.map(({ decideBy }) => decideBy)),
    again,
  ];
}

/** Null for the crowd, in which every purchase is of one unit. */
function quantities(purchases: readonly Purchase[]): string | null {
  if (purchases.every(({ quantity }) => quantity === 1)) return null;
  return numberArray(purchases.map(({ quantity }) => quantity));
}

function customers(purchases: readonly Purchase[]): string | null {
  if (purchases.every(({ customer }) => customer === null)) return null;
  return textArray(purchases.map(({ customer }) => customer));
}

function expectedPrices(purchases: readonly Purchase[]): string {
  return numberArray(purchases.map(({ expectedPriceMinor }) => expectedPriceMinor));
}

function unitsOf(purchases: readonly Purchase[]): number {
  return purchases.reduce((sum, { quantity }) => sum + quantity, 0);
}

/** All purchases got their units: the remaining units fall in the order of the purchases. */
function sold({ now, products }: Sold, groups: readonly (readonly Purchase[])[]): Decision {
  const outcomes: Outcome[] = [];
  groups.forEach((group, i) => {
    const product = products[i]!;
    let remaining = available(product) + unitsOf(group);
    for (const purchase of group) {
      remaining -= purchase.quantity;
      outcomes.push(newOrder(purchase, product, remaining, now));
    }
  });
  return decisionOf(groups.flat(), outcomes, products);
}

function decision(
  { now, products, verdicts, figures, remaining, ids, orders }: Decided,
  purchases: readonly Purchase[],
): Decision {
  const productOf = new Map(products.map((product) => [product.id, product]));
  const orderOf = new Map(orders.map((order) => [order.id, order]));
  const outcomes = purchases.map((purchase, i): Outcome => {
    const verdict = verdicts[i]!;
    switch (verdict) {
      case 'reserved':
        return newOrder(purchase, productOf.get(purchase.productId)!, remaining[i]!, now);
      case 'again':
        return reserved(orderOf.get(ids[i]!)!, true);
      case 'mismatch':
      case 'superseded':
        return { kind: verdict };
      default:
        return { kind: 'refused', code: verdict, available: figures[i]! };
    }
  });
  return decisionOf(purchases, outcomes, products);
}

function newOrder(
  { id }: Purchase,
  { priceMinor, currency }: Product,
  remaining: number,
  createdAt: number,
): Outcome {
  return reserved({ id, remaining, createdAt, priceMinor, currency }, false);
}
