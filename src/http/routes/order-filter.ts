import { Compile } from 'typebox/compile';
import { SHOWN_STATUSES, type ShownStatus } from '../../domain/order.ts';
import type { OrderFilter } from '../../ports/queries.ts';
import { canonicalCustomer } from '../purchase-request.ts';
import { readTime, TIME_PATTERN } from '../read-time.ts';
import type { Parameters } from '../route.ts';
import { ProductId, UserId } from '../schemas.ts';
import { wholeNumber, wrong } from './inputs.ts';

/** What operators look for orders by. */

const TIME = { type: 'string', pattern: TIME_PATTERN };
const ACCEPTED =
  'RFC 3339; compared with the time at which the purchase was accepted, which its id begins with. A queued one was ordered later, at `createdAt`';
export const FILTERS: Parameters = {
  customer: {
    schema: { type: 'string', maxLength: 64 },
    description: 'The `userId` that it was bought with, all of it',
  },
  product: { schema: ProductId, description: 'Product id; only so are orders of hidden products found' },
  status: {
    schema: { type: 'string', enum: SHOWN_STATUSES },
    description: 'As orders show it now. `refunding` is all money that is on its way back',
  },
  from: { schema: TIME, description: `Accepted at this time or later. ${ACCEPTED}` },
  to: { schema: TIME, description: 'Accepted before this time' },
};

const checkCustomer = Compile(UserId);

export function readFilter(req: Request, query: URLSearchParams): OrderFilter | Response {
  const [customer, product, status] = [query.get('customer'), query.get('product'), query.get('status')];
  if (customer !== null && !checkCustomer.Check(customer))
    return wrong(
      req,
      'customer',
      'customer must be a userId: 1 to 64 characters, not all of them spaces, without control characters',
    );
  const productId = product === null ? null : wholeNumber(product, 1, Number.MAX_SAFE_INTEGER);
  if (product !== null && productId === null)
    return wrong(req, 'product', 'product must be the id of a product');
  if (status !== null && !isStatus(status))
    return wrong(req, 'status', `status must be one of ${SHOWN_STATUSES.join(', ')}`);
  const times: { fromMs?: number; toMs?: number } = {};
  for (const field of ['from', 'to'] as const) {
    // A plus that is not percent-encoded arrives as a space.
    const text = query.get(field)?.replace(' ', '+');
    if (text === undefined) continue;
    const ms = readTime(text);
    if (ms === undefined)
      return wrong(req, field, `${field} must be a time with its zone like 2099-12-31T09:00:00Z`);
    times[`${field}Ms`] = ms;
  }
  return { customer: canonicalCustomer(customer), productId, status, ...times };
}

function isStatus(text: string): text is ShownStatus {
  return (SHOWN_STATUSES as readonly string[]).includes(text);
}
