import { nextStatus, type Order, type OrderStatus } from './order.ts';

/** How people end orders. */
export type CancelOrRefund = 'cancel' | 'refund';

/** The statuses of an order that has taken the step before: then it is done as well. */
const TAKEN: Readonly<Record<CancelOrRefund, readonly OrderStatus[]>> = {
  cancel: ['cancelled'],
  refund: ['refunding', 'refunded'],
};

export type EndingDecision =
  | { readonly kind: 'unknown_order' }
  | { readonly kind: 'taken'; readonly order: Order }
  | { readonly kind: 'refused'; readonly order: Order }
  | { readonly kind: 'step'; readonly order: Order; readonly next: OrderStatus };

/**
 * What becomes of an order that a caller asks to end. `customer` is who asks (null: anonymous), and undefined for operators;
 * an order of another customer counts as none.
 */
export function decideCancelRefund(
  order: Order | null,
  ending: CancelOrRefund,
  customer: string | null | undefined,
): EndingDecision {
  if (!order || (customer !== undefined && customer !== order.customer)) return { kind: 'unknown_order' };
  if (TAKEN[ending].includes(order.status)) return { kind: 'taken', order };
  const next = nextStatus(order.status, { type: ending });
  return next ? { kind: 'step', order, next } : { kind: 'refused', order };
}
