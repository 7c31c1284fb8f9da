import type { Outcome, Purchase, PurchaseKey, RefusalCode, Reservation } from '../../domain/purchase.ts';
import type { Changes } from '../../ports/changes.ts';
import { type Decision, decisionOf } from '../../ports/decisions.ts';

/** A purchase sent between threads: a tuple, and for the plainest kind (sync, without key) a short one. */
export type PackedPurchase =
  | readonly [id: string, productId: number, quantity: number, customer: string | null, decideBy: number]
  | readonly [
      id: string,
      productId: number,
      quantity: number,
      customer: string | null,
      decideBy: number,
      channel: Purchase['channel'],
      key: PurchaseKey | null,
      acceptedAt: number,
      refusal: RefusalCode | null,
      expectedPriceMinor: number | null,
    ];

export function packPurchase(purchase: Purchase): PackedPurchase {
  const { id, productId, quantity, customer, decideBy, channel, key, acceptedAt, refusal } = purchase;
  const { expectedPriceMinor } = purchase;
  return channel === 'sync' && key === null && refusal === null && expectedPriceMinor === null
    ? [id, productId, quantity, customer, decideBy]
    : [id, productId, quantity, customer, decideBy, channel, key, acceptedAt, refusal, expectedPriceMinor];
}

export function unpackPurchase(packed: PackedPurchase): Purchase {
  const [id, productId, quantity, customer, decideBy, ...rest] = packed;
  // Only a key is compared by the time of its request.
  const [channel = 'sync', key = null, acceptedAt = 0, refusal = null, expectedPriceMinor = null] = rest;
  return {
    id,
    productId,
    quantity,
    customer,
    expectedPriceMinor,
    decideBy,
    channel,
    key,
    acceptedAt,
    refusal,
  };
}

/**
 * A decision sent between threads. A granted purchase is the units left after it, and its time: the rest is
 * known from its batch.
 */
export interface PackedDecision {
  readonly products: Changes['products'];
  readonly outcomes: readonly PackedOutcome[];
}

type PackedOutcome =
  | readonly [remaining: number, createdAt: number]
  | readonly [code: RefusalCode, available: number]
  | { readonly repeated: Reservation }
  | 'mismatch'
  | 'superseded';

export function packDecision({ changes, outcomes }: Decision): PackedDecision {
  return { products: changes.products, outcomes: outcomes.map(pack) };
}

function pack(outcome: Outcome): PackedOutcome {
  if (outcome.kind === 'mismatch' || outcome.kind === 'superseded') return outcome.kind;
  if (outcome.kind === 'refused') return [outcome.code, outcome.available];
  const { order } = outcome;
  return outcome.repeated ? { repeated: order } : [order.remaining, order.createdAt];
}

export function unpackDecision(
  { products, outcomes }: PackedDecision,
  purchases: readonly Purchase[],
): Decision {
  const byId = new Map(products.map((product) => [product.id, product]));
  const unpacked = outcomes.map((packed, i): Outcome => {
    if (typeof packed === 'string') return { kind: packed };
    if ('repeated' in packed) return { kind: 'reserved', order: packed.repeated, repeated: true };
    if (typeof packed[0] === 'string') return { kind: 'refused', code: packed[0], available: packed[1] };
    const { id, productId } = purchases[i]!;
    const { priceMinor, currency } = byId.get(productId)!;
    const [remaining, createdAt] = packed;
    return { kind: 'reserved', order: { id, remaining, createdAt, priceMinor, currency }, repeated: false };
  });
  return decisionOf(purchases, unpacked, products);
}
