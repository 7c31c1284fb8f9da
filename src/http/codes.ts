import type { SaleRefusalCode } from '../domain/product.ts';
import type { RefusalCode } from '../domain/purchase.ts';
import { type HttpCode, STATUS } from './respond.ts';

/** What a `code` of an answer says, for those who call. */
export interface CodeNote {
  readonly code: string;
  /** The HTTP status that comes with it, or where else it is read. */
  readonly status: string;
  readonly meaning: string;
  /** What the caller should do. */
  readonly advice: string;
}

type Code = HttpCode | RefusalCode | SaleRefusalCode | 'needs_attention';
type Note = Pick<CodeNote, 'meaning' | 'advice'> & Partial<Pick<CodeNote, 'status'>>;

/** A new code that is not described here does not compile. */
const NOTES: Readonly<Record<Exclude<Code, 'unusable_store'>, Note>> = {
  sold_out: {
    meaning: 'Fewer units are free than were asked for.',
    advice: 'Ask for fewer, or follow the stock: units of unpaid orders may come back.',
  },
  limit_reached: {
    meaning: 'With this purchase the customer would hold more units than the sale allows to one.',
    advice: 'Ask for fewer. Orders that end without a sale give their part of the limit back.',
  },
  sale_not_open: { meaning: 'The sale opens later.', advice: 'Come back at `opensAt`.' },
  sale_closed: {
    meaning: 'The sale is over.',
    advice: 'Do not try again, unless another sale is announced.',
  },
  sale_paused: { meaning: 'An operator has paused the sale.', advice: 'Try again later.' },
  price_changed: {
    meaning:
      'The product has another price than the `expectedPriceMinor` of the request. Nothing was bought.',
    advice: 'Read the product, and show the buyer its price.',
  },
  customer_required: {
    meaning: 'The sale is for named customers alone, and the request has no `userId`.',
    advice: 'Send the `userId`.',
  },
  too_old: {
    status: 'outcome `failed`',
    meaning: 'The purchase waited past its time and was not carried out.',
    advice: 'Buy again. Nothing was sold under this id, and nothing will be.',
  },
  discarded: {
    status: 'outcome `failed`',
    meaning: 'The purchase could not be decided, and an operator gave it up.',
    advice: 'Buy again. Nothing was sold under this id, and nothing will be.',
  },
  needs_attention: {
    status: 'outcome `queued`',
    meaning: 'The purchase could not be decided so far and waits for an operator.',
    advice: 'Keep the tracking id. The outcome follows.',
  },
  invalid_request: {
    meaning: 'The input is wrong; `field` names what, and `message` says what is accepted. Nothing was done.',
    advice: 'Correct it. The same request fails again.',
  },
  unauthorized: {
    meaning: 'The call is for operators.',
    advice:
      'Send `Authorization: Bearer <token>`. A development server without a configured token keeps its own in the file `operator-token` of its data folder.',
  },
  not_found: {
    meaning: 'There is nothing at this path, or no such id: never issued, or no longer kept.',
    advice: 'Check the path and the id.',
  },
  unknown_product: { meaning: 'There is no product with this id.', advice: 'Check the id.' },
  method_not_allowed: { meaning: 'The path takes other methods.', advice: 'See `Allow`.' },
  in_flight: {
    meaning:
      'Another request with this `Idempotency-Key` is still being carried out, or was refused while this one was under way.',
    advice:
      'Send the same request again after `Retry-After`; it gets the order of the other one, if that has got one.',
  },
  idempotency_mismatch: {
    meaning: 'The `Idempotency-Key` was used for another request.',
    advice: 'Use a new key for a new request.',
  },
  payload_too_large: { meaning: 'The body is larger than 16 KiB.', advice: 'Send less.' },
  unsupported_media_type: {
    meaning: 'The body is not declared as JSON in UTF-8, or is compressed.',
    advice: 'Send `Content-Type: application/json`, and no `Content-Encoding`.',
  },
  too_many_streams: {
    meaning: 'One address has as many live streams as it may have.',
    advice: 'Close one, or try again after `Retry-After`. A server behind a proxy wants another limit.',
  },
  internal_error: {
    meaning: 'A bug of ours. It is in the log under `requestId`.',
    advice: 'Report it. A purchase with a key may be sent again: it buys once.',
  },
  overloaded: {
    meaning: 'Too much at once. Nothing was done.',
    advice: 'Send the same request again after `Retry-After`.',
  },
  unavailable: {
    meaning: 'An engine cannot be reached, or the server is leaving. Nothing was done.',
    advice: 'Send the same request again after `Retry-After`.',
  },
  outcome_unknown: {
    meaning: 'Perhaps it was done, perhaps not: the answer of an engine got lost.',
    advice:
      'Do not buy anew. Read the order (`orderId`) or the purchase (`trackingId`) until it is known, or send the same request with the same `Idempotency-Key`. An operator who added `units`, reset a stock or created a product without `productId` sends it with a key, too, or reads `GET /api/v1/ops/log` first: sent again without one, it is done again.',
  },
  order_pending: {
    meaning: 'It is not known yet whether the order was carried out.',
    advice: 'Send the same request again after `Retry-After`.',
  },
  order_charging: {
    meaning: 'The order is being charged, and cannot be cancelled meanwhile.',
    advice: 'Send the same request again after `Retry-After`; most charges are over within seconds.',
  },
  order_paid: {
    meaning: 'The order is paid, so it cannot be cancelled.',
    advice: 'Ask an operator for a refund.',
  },
  order_declined: {
    meaning: 'The charge was declined, which ended the order.',
    advice: 'Nothing. Buy again.',
  },
  order_expired: { meaning: 'The hold ran out, which ended the order.', advice: 'Nothing. Buy again.' },
  order_refunding: { meaning: 'The money is on its way back already.', advice: 'Nothing.' },
  order_refunded: { meaning: 'The money is back already.', advice: 'Nothing.' },
  order_not_paid: {
    meaning: 'No money was taken for the order, so there is none to give back.',
    advice: 'Cancel it if it is still reserved.',
  },
  product_exists: {
    meaning: 'There is a product with this id already.',
    advice: 'Take another id, or change that one.',
  },
  closes_before_opens: {
    meaning: 'The sale would close before it opens.',
    advice: 'Correct `opensAt` or `closesAt`.',
  },
  schedule_in_the_past: {
    meaning: 'A time that is set anew lies in the past.',
    advice:
      'Set a time to come, or null; `opensAt` may lie up to ten seconds back and means now. To close a sale now, drain it.',
  },
  units_below_committed: {
    meaning: 'Fewer units would be left than are reserved and sold in this round.',
    advice: 'Take away no more than are free.',
  },
  units_too_many: { meaning: 'More units than a product can have.', advice: 'Add fewer.' },
  limit_below_held: {
    meaning: 'Somebody holds more units already than the new limit allows.',
    advice: 'Set a higher limit, or start a new round.',
  },
  version_mismatch: {
    meaning: 'The product has changed since the caller saw it. Nothing was done.',
    advice: 'Read it again, and decide anew.',
  },
};

/** Every code that an answer can carry, the buyers' first. `unusable_store` ends a start, so no caller ever sees it. */
export const CODES: readonly CodeNote[] = Object.entries(NOTES).map(([code, note]) => ({
  code,
  status: note.status ?? statusOf(code),
  meaning: note.meaning,
  advice: note.advice,
}));

/** A refused purchase is 409 on the sync way; on the async way it is the outcome. */
function statusOf(code: string): string {
  const status = (STATUS as Readonly<Record<string, number>>)[code];
  return status === undefined ? '409, or outcome `rejected`' : String(status);
}
