import type { Order } from '../src/domain/order.ts';
import type { Verdict } from '../src/domain/verdict.ts';
import type { CrowdResult } from './crowd.ts';
import type { CrowdRecord } from './crowd-record.ts';
import { customerOf } from './requests.ts';

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

/** Compares every buyer's answer with the books. Each verdict shows its figures, passed or not. */
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
  const { total, reserved, sold } = evidence.product;
  const free = total - reserved - sold;
  return {
    name: 'oversold',
    pass: oversold(evidence) === 0 && total === evidence.units && reserved >= 0 && sold >= 0 && free >= 0,
    detail: `${total} = ${sold} sold + ${reserved} reserved + ${free} available`,
  };
}

function stockAsTold({ product, stockTold }: Evidence): Verdict {
  const free = product.total - product.reserved - product.sold;
  return {
    name: 'stock as told',
    pass: stockTold === free,
    detail: `${stockTold} told, ${free} in the books`,
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
    name: 'answered without order',
    pass: missing.length === 0,
    detail: `${missing.length} of ${grants} granted answers${examples(missing)}`,
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
    name: 'tracking ids without outcome',
    pass: wrong.length === 0,
    detail: `${wrong.length} of ${accepted} accepted purchases${examples(wrong)}`,
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
  return { name: 'ids given twice', pass: seen.size === ids, detail: `${ids - seen.size} of ${ids}` };
}

/** Each order belongs to a buyer with a grant or an unknown outcome, never to one with a refusal. */
function noPhantoms({ record, product, quantity }: Evidence): Verdict {
  const orders = (product.reserved + product.sold) / quantity;
  const granted = record.count('sold', 'confirmed');
  const unknown = record.count('unknown', 'accepted', 'none');
  return {
    name: 'orders nobody was told of',
    pass: granted <= orders && orders <= granted + unknown,
    detail: `${orders} orders, ${granted} granted, ${unknown} unknown`,
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
    name: 'refused, and sold to after all',
    pass: soldTo.length === 0,
    detail: `${soldTo.length} of ${refused} refused buyers${examples(soldTo)}`,
  };
}

function soldToTheLastUnit({ record, product, units, quantity }: Evidence): Verdict {
  const wanted = Math.min(record.users, Math.floor(units / quantity)) * quantity;
  const given = product.reserved + product.sold;
  return {
    name: 'units left unsold to buyers who wanted them',
    pass: given === wanted,
    detail: `${given} of ${wanted} given`,
  };
}

export function everybodyAnswered({ record }: Pick<Evidence, 'record'>): Verdict {
  const silent = record.count('none');
  const pending = record.count('accepted');
  const unknown = record.count('unknown');
  return {
    name: 'buyers left without an answer',
    pass: silent + pending + unknown === 0,
    detail: `${silent} never answered, ${pending} without outcome, ${unknown} unknown, of ${record.users}`,
  };
}

export function answersWithinContract({ record }: Pick<Evidence, 'record'>): Verdict {
  const wrong = record.count('wrong');
  return {
    name: 'answers outside the contract',
    pass: wrong === 0,
    detail: wrong === 0 ? '0' : `${wrong}${examples(record.samples)}`,
  };
}

export function repetitionsAlike({ repeats }: Pick<CrowdResult, 'repeats'>): Verdict {
  const { compared, different } = repeats;
  return {
    name: 'repetitions answered otherwise',
    pass: different === 0,
    detail:
      compared === 0
        ? 'none was granted, so there was nothing to repeat'
        : `${different} of ${compared} purchases sent twice under one key`,
  };
}

export function examples(all: readonly string[]): string {
  const EXAMPLES_MAX = 3;
  return all.length === 0 ? '' : `, such as ${all.slice(0, EXAMPLES_MAX).join('; ')}`;
}
