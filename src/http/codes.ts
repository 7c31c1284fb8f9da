import type { ErrorCode } from '../domain/errors.ts';
import type { SaleRefusalCode } from '../domain/product.ts';
import type { RefusalCode } from '../domain/purchase.ts';

interface Note {
  /** The HTTP status that comes with it, or where else it is read. */
  readonly status: number | string;
  readonly meaning: string;
  /** What the caller should do. */
  readonly advice: string;
}

/** A refused purchase is 409 on the sync way; on the async way it is the outcome. */
const REFUSED = '409, or outcome `rejected`';

/** The one table of codes: their statuses, and what they say to those who call. What can fail or be refused has to stand here. */
const NOTES = {
  sold_out: {
    status: REFUSED,
    meaning: 'Fewer units are free than were asked for.',
    advice: 'Ask for fewer, or follow the stock: units of unpaid orders may come back.',
  },
  limit_reached: {
    status: REFUSED,
    meaning: 'With this purchase the customer would hold more units than the sale allows to one.',
    advice: 'Ask for fewer. Orders that end without a sale give their part of the limit back.',
  },
  sale_not_open: { status: REFUSED, meaning: 'The sale opens later.', advice: 'Come back at `opensAt`.' },
  sale_closed: {
    status: REFUSED,
    meaning: 'The sale is over.',
    advice: 'Do not try again, unless another sale is announced.',
  },
  sale_paused: { status: REFUSED, meaning: 'An operator has paused the sale.', advice: 'Try again later.' },
  price_changed: {
    status: REFUSED,
    meaning:
      'The product has another price than the `expectedPriceMinor` of the request. Nothing was bought.',
    advice: 'Read the product, and show the buyer its price.',
  },
  customer_required: {
    status: REFUSED,
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
    status: 400,
    meaning: 'The input is wrong; `field` names what, and `message` says what is accepted. Nothing was done.',
    advice: 'Correct it. The same request fails again.',
  },
  unauthorized: {
    status: 401,
    meaning:
      'The call is for operators; or it is for buyers, and does not prove who buys, where that is asked for.',
    advice:
      'Send `Authorization: Bearer <token>`. A buyer without a token of the shop gets a session at `POST /api/v1/session`. A development server without a configured token keeps its own in the file `operator-token` of its data folder.',
  },
  forbidden: {
    status: 403,
    meaning: 'The call needs a higher role than the operator has; `message` names it. Nothing was done.',
    advice: 'Ask an operator of that role.',
  },
  operator_mismatch: {
    status: 403,
    meaning: 'The `X-Operator` is another than the name of the token. Nothing was done.',
    advice: 'Leave it out.',
  },
  customer_mismatch: {
    status: 403,
    meaning: 'The `userId` is another than the token or the session says.',
    advice: 'Leave it out.',
  },
  cross_site: {
    status: 403,
    meaning: 'The call came with the cookie of a session, and from no page of this server.',
    advice: 'Send the session, or a token, as `Authorization: Bearer <token>`.',
  },
  not_found: {
    status: 404,
    meaning:
      "There is nothing at this path, or no such id: never issued, no longer kept, or another buyer's where buyers are known.",
    advice: 'Check the path and the id.',
  },
  unknown_product: { status: 404, meaning: 'There is no product with this id.', advice: 'Check the id.' },
  development_only: {
    status: 403,
    meaning: 'The server runs in production mode, where no crowd is sent at it from within.',
    advice: 'Use `pulsecart rehearse`, on a product of its own.',
  },
  method_not_allowed: { status: 405, meaning: 'The path takes other methods.', advice: 'See `Allow`.' },
  in_flight: {
    status: 409,
    meaning:
      'Another request with this `Idempotency-Key` is still being carried out, or was refused while this one was under way.',
    advice:
      'Send the same request again after `Retry-After`; it gets the order of the other one, if that has got one.',
  },
  idempotency_mismatch: {
    status: 422,
    meaning: 'The `Idempotency-Key` was used for another request.',
    advice: 'Use a new key for a new request.',
  },
  payload_too_large: { status: 413, meaning: 'The body is larger than 16 KiB.', advice: 'Send less.' },
  unsupported_media_type: {
    status: 415,
    meaning: 'The body is not declared as JSON in UTF-8, or is compressed.',
    advice: 'Send `Content-Type: application/json`, and no `Content-Encoding`.',
  },
  too_many_streams: {
    status: 429,
    meaning: 'One address has as many live streams as it may have.',
    advice:
      'Close one, or try again after `Retry-After`. A server behind a proxy wants `PULSECART_TRUSTED_PROXIES`.',
  },
  too_many_requests: {
    status: 429,
    meaning:
      'More requests than the server takes from one address, of one customer, or of one customer for one product; `RateLimit-Policy` names which. Nothing was done.',
    advice: 'Send the same request again after `Retry-After`, which is exact, and not before.',
  },
  internal_error: {
    status: 500,
    meaning: 'A bug of ours. It is in the log under `requestId`.',
    advice: 'Report it. A purchase with a key may be sent again: it buys once.',
  },
  overloaded: {
    status: 503,
    meaning: 'Too much at once. Nothing was done.',
    advice: 'Send the same request again after `Retry-After`.',
  },
  unavailable: {
    status: 503,
    meaning: 'A backend cannot be reached, or the server is leaving. Nothing was done.',
    advice: 'Send the same request again after `Retry-After`.',
  },
  outcome_unknown: {
    status: 503,
    meaning: 'Perhaps it was done, perhaps not: the answer of a backend got lost.',
    advice:
      'Do not buy anew. Read the order (`orderId`) or the purchase (`trackingId`) until it is known, or send the same request with the same `Idempotency-Key`. An operator who added `units`, reset a stock or created a product without `productId` sends it with a key, too, or reads `GET /api/v1/ops/log` first: sent again without one, it is done again.',
  },
  order_pending: {
    status: 409,
    meaning: 'It is not known yet whether the order was carried out.',
    advice: 'Send the same request again after `Retry-After`.',
  },
  order_charging: {
    status: 409,
    meaning: 'The order is being charged, and cannot be cancelled meanwhile.',
    advice: 'Send the same request again after `Retry-After`; most charges are over within seconds.',
  },
  order_paid: {
    status: 409,
    meaning: 'The order is paid, so it cannot be cancelled.',
    advice: 'Ask an operator for a refund.',
  },
  order_declined: {
    status: 409,
    meaning: 'The charge was declined, which ended the order.',
    advice: 'Nothing. Buy again.',
  },
  order_expired: {
    status: 409,
    meaning: 'The hold ran out, which ended the order.',
    advice: 'Nothing. Buy again.',
  },
  order_refunding: { status: 409, meaning: 'The money is on its way back already.', advice: 'Nothing.' },
  order_refunded: { status: 409, meaning: 'The money is back already.', advice: 'Nothing.' },
  order_not_paid: {
    status: 409,
    meaning: 'No money was taken for the order, so there is none to give back.',
    advice: 'Cancel it if it is still reserved.',
  },
  order_cancelled: {
    status: 409,
    meaning: 'The order was cancelled, so there is nothing to pay.',
    advice: 'Nothing. Buy again.',
  },
  payment_declined: {
    status: 409,
    meaning:
      'The bank declines, or the payment company refuses what was to be confirmed; `message` says why.',
    advice: 'Let the buyer try another card while the hold runs: the payment is still open.',
  },
  payment_not_needed: {
    status: 409,
    meaning: 'The server charges orders by itself here.',
    advice: 'Read the order until it is `paid`.',
  },
  product_exists: {
    status: 409,
    meaning: 'There is a product with this id already.',
    advice: 'Take another id, or change that one.',
  },
  closes_before_opens: {
    status: 400,
    meaning: 'The sale would close before it opens.',
    advice: 'Correct `opensAt` or `closesAt`.',
  },
  schedule_in_the_past: {
    status: 400,
    meaning: 'A time that is set anew lies in the past.',
    advice:
      'Set a time to come, or null; `opensAt` may lie up to ten seconds back and means now. To close a sale now, drain it.',
  },
  units_below_committed: {
    status: 409,
    meaning: 'Fewer units would be left than are reserved and sold in this generation.',
    advice: 'Take away no more than are free.',
  },
  units_too_many: { status: 409, meaning: 'More units than a product can have.', advice: 'Add fewer.' },
  limit_below_held: {
    status: 409,
    meaning: 'A customer holds more units already than the new limit allows.',
    advice: 'Set a higher limit, or start a new generation.',
  },
  version_mismatch: {
    status: 412,
    meaning: 'The product has changed since the caller saw it. Nothing was done.',
    advice: 'Read it again, and decide anew.',
  },
  product_not_hidden: {
    status: 409,
    meaning:
      'The product is no hidden one, made for a rehearsal (its currency is XTS): others are never removed.',
    advice: 'Drain its sale instead.',
  },
  sale_not_drained: {
    status: 409,
    meaning: 'The sale is not closed, has unpaid orders, or may have purchases in the queue.',
    advice: 'Drain it, and send the same request again after some seconds.',
  },
} as const satisfies Readonly<
  Record<string, Note> & Record<Exclude<ErrorCode, 'unusable_store'> | RefusalCode | SaleRefusalCode, Note>
>;

/** Codes that come with a status of their own. `unusable_store` ends a start, so no caller ever sees it. */
export type HttpCode =
  | {
      [Code in keyof typeof NOTES]: (typeof NOTES)[Code]['status'] extends number ? Code : never;
    }[keyof typeof NOTES]
  | 'unusable_store';
/** Why an order cannot take a step: the status it is in. */
export type OrderCode = Extract<HttpCode, `order_${string}`>;

/** Every code that an answer can carry, the buyers' first. */
export const CODES = Object.entries(NOTES).map(([code, note]) => ({
  code,
  ...note,
  status: String(note.status),
}));
export type CodeNote = (typeof CODES)[number];

export const STATUS = Object.fromEntries([
  ...Object.entries(NOTES).map(([code, { status }]) => [code, status]),
  ['unusable_store', 500],
]) as Readonly<Record<HttpCode, number>>;
