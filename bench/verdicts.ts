import type { Order } from '../src/domain/order.ts';
import type { Verdict } from '../src/domain/verdict.ts';
import type { CrowdResult } from './crowd.ts';
import type { CrowdRecord } from './crowd-record.ts';
import { customerOf } from './requests.ts';
import { count, plural } from './text.ts';

/** A purchase in the books. */
export type BookEntry =
  | {
      readonly kind: 'order';
      readonly order: Pick<Order, 'id' | 'productId' | 'quantity' | 'customer' | 'channel'>;
    }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'needs_attention' };

/** The results of a sale: its buyers' answers, and the books. */
export interface Evidence {
  readonly record: CrowdRecord;
  readonly productId: number;
  readonly quantity: number;
  readonly seed: number;
  /** Units the sale began with. */
  readonly units: number;
  /** The product in the books after the sale. */
  readonly product: { readonly total: number; readonly reserved: number; readonly sold: number };
  /** The books' entries under the ids that buyers received. */
  readonly entries: ReadonlyMap<string, BookEntry>;
  /** The customers who have orders of the product, one for each order. */
  readonly customers: readonly string[];
  /** Free units as reported by the HTTP API after the sale. */
  readonly stockTold: number;
}

/** Compares every buyer's answer with the books. A verdict's name says what must hold, its detail the figures, passed or not. */
export function judge(evidence: Evidence): Verdict[] {
  return [
    noOversell(evidence),
    stockAsTold(evidence),
    everyGrantHasItsOrder(evidence),
    everyAcceptanceHasItsOutcome(evidence),
    idsAreDistinct(evidence),
    noPhantoms(evidence),
    refusalsAreFinal(evidence),
    soldToTheLastUnit(evidence),
    everybodyAnswered(evidence),
    answersWithinContract(evidence),
  ];
}

/** Units sold beyond the stock. */
export function oversold({ product, units }: Pick<Evidence, 'product' | 'units'>): number {
  return Math.max(0, product.reserved + product.sold - units);
}

function noOversell(evidence: Evidence): Verdict {
  const { units } = evidence;
  const { total, reserved, sold } = evidence.product;
  const free = total - reserved - sold;
  const pass = oversold(evidence) === 0 && total === units && reserved >= 0 && sold >= 0 && free >= 0;
  const equation = `${count(total)} in the books = ${count(sold)} sold + ${count(reserved)} reserved + ${count(free)} available`;
  return {
    name: 'no oversell',
    pass,
    detail: pass
      ? [
          `${count(sold)} of ${count(units)} sold`,
          ...few(reserved, 'reserved'),
          ...few(free, 'available'),
        ].join(', ')
      : `${count(sold)} sold${reserved === 0 ? '' : ` + ${count(reserved)} reserved`} of ${count(units)}; ${equation}`,
  };
}

/** Of a count that is mostly zero. */
function few(value: number, what: string): string[] {
  return value === 0 ? [] : [`${count(value)} ${what}`];
}

function stockAsTold({ product, stockTold }: Evidence): Verdict {
  const free = product.total - product.reserved - product.sold;
  return {
    name: 'the stock told is that of the books',
    pass: stockTold === free,
    detail: `${count(stockTold)} told, ${count(free)} in the books`,
  };
}

function everyGrantHasItsOrder(evidence: Evidence): Verdict {
  const { record } = evidence;
  let grants = 0;
  const missing: string[] = [];
  for (let buyer = 0; buyer < record.users; buyer++) {
    const result = record.result(buyer);
    if (result !== 'sold' && result !== 'confirmed') continue;
    grants++;
    const id = record.id(buyer)!;
    if (!isOrderOf(evidence, buyer, evidence.entries.get(id))) missing.push(id);
  }
  return {
    name: 'every grant has its order',
    pass: missing.length === 0,
    detail: allOrFew(grants, missing, 'grants', 'without its own order'),
  };
}

function isOrderOf(evidence: Evidence, buyer: number, entry: BookEntry | undefined): boolean {
  if (entry?.kind !== 'order') return false;
  const { productId, quantity, customer, channel } = entry.order;
  return (
    productId === evidence.productId &&
    quantity === evidence.quantity &&
    customer === customerOf(evidence.seed, buyer) &&
    channel === (evidence.record.isAsync[buyer] === 1 ? 'async' : 'sync')
  );
}

/**
 * A purchase accepted after the sell-out was known has its refusal in its tracking id and no entry in the books; any other
 * rejection has one, with the buyer's code.
 */
function everyAcceptanceHasItsOutcome(evidence: Evidence): Verdict {
  const { record, entries } = evidence;
  let accepted = 0;
  const wrong: string[] = [];
  for (let buyer = 0; buyer < record.users; buyer++) {
    const id = record.id(buyer);
    if (record.isAsync[buyer] === 0 || id === undefined || record.result(buyer) === 'unknown') continue;
    accepted++;
    const entry = entries.get(id);
    const result = record.result(buyer);
    const agrees =
      result === 'confirmed'
        ? entry?.kind === 'order'
        : result === 'rejected' || result === 'failed'
          ? entry === undefined
            ? record.code(buyer) === 'sold_out'
            : entry.kind === 'refused' && entry.code === record.code(buyer)
          : false;
    if (!agrees) wrong.push(id);
  }
  return {
    name: 'every tracking id has its outcome',
    pass: wrong.length === 0,
    detail: allOrFew(accepted, wrong, 'accepted purchases', 'without one'),
  };
}

/** Needs only the buyers' answers, like the other verdicts that take only a record. */
export function idsAreDistinct({ record }: Pick<Evidence, 'record'>): Verdict {
  const seen = new Set<string>();
  let ids = 0;
  for (let buyer = 0; buyer < record.users; buyer++) {
    const id = record.id(buyer);
    if (id === undefined) continue;
    ids++;
    seen.add(id);
  }
  const twice = ids - seen.size;
  return {
    name: 'every id is given once',
    pass: twice === 0,
    detail: twice === 0 ? `${count(ids)} ids` : `${count(twice)} of ${count(ids)} ids given again`,
  };
}

/** Each order belongs to a buyer with a grant or an unknown outcome, never to one with a refusal. */
function noPhantoms({ record, product, quantity }: Evidence): Verdict {
  const orders = (product.reserved + product.sold) / quantity;
  const granted = record.count('sold', 'confirmed');
  const unknown = record.count('unknown', 'accepted', 'none');
  return {
    name: 'every order was told to its buyer',
    pass: granted <= orders && orders <= granted + unknown,
    detail: `${count(orders)} orders, ${count(granted)} granted, ${count(unknown)} unknown`,
  };
}

/** Refused buyers have no order, whatever happened afterwards. */
function refusalsAreFinal({ record, customers, seed }: Evidence): Verdict {
  const withOrder = new Set(customers);
  let refused = 0;
  const soldTo: string[] = [];
  for (let buyer = 0; buyer < record.users; buyer++) {
    const result = record.result(buyer);
    if (result !== 'refused' && result !== 'rejected' && result !== 'failed') continue;
    refused++;
    const customer = customerOf(seed, buyer);
    if (withOrder.has(customer)) soldTo.push(customer);
  }
  return {
    name: 'every refusal is final',
    pass: soldTo.length === 0,
    detail: allOrFew(refused, soldTo, 'refused buyers', 'sold to after all'),
  };
}

function soldToTheLastUnit({ record, product, units, quantity }: Evidence): Verdict {
  const wanted = Math.min(record.users, Math.floor(units / quantity)) * quantity;
  const given = product.reserved + product.sold;
  return {
    name: 'every unit wanted was sold',
    pass: given === wanted,
    detail: `${count(given)} of ${count(wanted)}`,
  };
}

export function everybodyAnswered({ record }: Pick<Evidence, 'record'>): Verdict {
  const silent = record.count('none');
  const pending = record.count('accepted');
  const unknown = record.count('unknown');
  return {
    name: 'every buyer was answered',
    pass: silent + pending + unknown === 0,
    detail:
      silent + pending + unknown === 0
        ? plural(record.users, 'buyer')
        : `${count(silent)} never answered, ${count(pending)} without outcome, ${count(unknown)} unknown, of ${plural(record.users, 'buyer')}`,
  };
}

export function answersWithinContract({ record }: Pick<Evidence, 'record'>): Verdict {
  const wrong = record.count('wrong');
  return {
    name: 'every answer keeps the contract',
    pass: wrong === 0,
    detail: wrong === 0 ? '' : `${plural(wrong, 'answer')} outside it${examples(record.samples)}`,
  };
}

export function repetitionsAlike({ repeats }: Pick<CrowdResult, 'repeats'>): Verdict {
  const { compared, different } = repeats;
  return {
    name: 'every repetition got the same answer',
    pass: different === 0,
    detail:
      compared === 0
        ? 'none was granted, so there was nothing to repeat'
        : different === 0
          ? `${plural(compared, 'purchase')} sent twice under one key`
          : `${count(different)} of ${plural(compared, 'purchase')} sent twice under one key got another`,
  };
}

/** `1,000 grants`, or `3 of 1,000 grants without its own order, such as …`. */
function allOrFew(all: number, few: readonly string[], what: string, without: string): string {
  return few.length === 0
    ? `${count(all)} ${what}`
    : `${count(few.length)} of ${count(all)} ${what} ${without}${examples(few)}`;
}

export function examples(all: readonly string[]): string {
  const EXAMPLES_MAX = 3;
  return all.length === 0 ? '' : `, such as ${all.slice(0, EXAMPLES_MAX).join('; ')}`;
}
