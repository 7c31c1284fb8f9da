import Type from 'typebox';
import { Compile } from 'typebox/compile';
import type { Channel } from '../domain/order.ts';
import type { PurchaseKey } from '../domain/purchase.ts';
import { type Buyers, type Caller, NOT_KNOWN, NOT_THEIRS } from './buyers/buyers.ts';
import { faultOf, forbiddenField, type Refuse, readJsonBody } from './json-body.ts';
import type { PurchasePass } from './limits/pass.ts';
import { failure } from './respond.ts';
import { nullable, ProductId, Quantity, shape, UserId } from './schemas.ts';

/** A valid purchase request, whichever way it came. */
export interface PurchaseRequest {
  readonly productId: number;
  readonly quantity: number;
  /** Canonical. */
  readonly customer: string | null;
  readonly key: PurchaseKey | null;
  /** The only price of one unit at which the buyer buys; null: any. */
  readonly expectedPriceMinor: number | null;
  /** What was counted for it, where there are limits. */
  readonly pass?: PurchasePass;
}

const ExpectedPrice = nullable(
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  'The price of one unit in minor units that the buyer has seen. At any other the purchase is refused as ' +
    '`price_changed`: on both ways the price is compared when the units are given, so no order has another. Absent or ' +
    'null: any price. It belongs to the body that an Idempotency-Key is for.',
);

const PurchaseBody = shape('PurchaseRequest', 'Other fields are ignored.', {
  productId: ProductId,
  quantity: Quantity,
  userId: Type.Optional(UserId),
  expectedPriceMinor: Type.Optional(ExpectedPrice),
});
const checkPurchaseBody = Compile(PurchaseBody);

const checkUserId = Compile(UserId);

const KEY_CHARS_MAX = 255;
/** Visible ASCII, bare or in quotes. */
const KEY_PATTERN = '^([!#-~][ -~]*|"[ !#-\\[\\]-~]*[!#-\\[\\]-~][ !#-\\[\\]-~]*")$';
export const KEY = { type: 'string', pattern: KEY_PATTERN, minLength: 1, maxLength: KEY_CHARS_MAX };
/** An anonymous key is its own scope, so it must be long enough not to meet another's by chance. */
const ANONYMOUS_KEY_CHARS_MIN = 16;

export const CUSTOMER_EXPECTED =
  'userId must be an integer, or a string of 1 to 64 characters, not all of them spaces, without control characters or broken UTF-8, or absent';

const EXPECTED: Readonly<Record<string, string>> = {
  productId: 'productId must be an integer from 1 to 9007199254740991',
  quantity: 'quantity must be an integer from 1 to 1000000',
  userId: CUSTOMER_EXPECTED,
  expectedPriceMinor: `expectedPriceMinor must be an integer from 0 to ${Number.MAX_SAFE_INTEGER}, or absent`,
};

/** What both ways to buy take, and answer to what neither takes. */
export const PURCHASE_INPUT = {
  headers: {
    'Idempotency-Key': {
      schema: KEY,
      description:
        'Bare or quoted, per customer and route. After a 200 or 202 the same key and body get that answer again, never a second ' +
        'order; after a refusal (409) it is a new purchase. Without a userId it needs at least 16 characters.',
    },
  },
  body: { schema: PurchaseBody, example: { productId: 3, quantity: 1, userId: 'ada' } },
} as const;

export const BAD_PURCHASE_INPUT = {
  401: NOT_KNOWN,
  403: `${NOT_THEIRS}. \`forbidden\`: the token is an operator's whose role is viewer`,
  404: '`unknown_product`',
  422: '`idempotency_mismatch`: the key was used for another purchase',
} as const;

/** Sees a valid purchase before anything is done for it, and may refuse it. */
type Admit = (purchase: PurchaseRequest) => PurchaseRequest | Response;

/** The request, or the response that says what is wrong with it; a valid one goes through `admit`. */
export function readPurchase(
  req: Request,
  server: Bun.Server<unknown>,
  channel: Channel,
  buyers: Buyers,
  admit: Admit | null = null,
): Promise<PurchaseRequest | Response> | Response {
  const caller = buyers.identify(req, server, failure);
  if (caller instanceof Response) return caller;
  if (!(caller instanceof Promise)) return readOf(req, channel, caller, admit);
  return caller.then((known) => (known instanceof Response ? known : readOf(req, channel, known, admit)));
}

function readOf(
  req: Request,
  channel: Channel,
  caller: Caller,
  admit: Admit | null,
): Promise<PurchaseRequest | Response> | Response {
  const keyHeader = req.headers.get('idempotency-key');
  return readJsonBody(req, failure, (body) => {
    const read = validate(req, body, keyHeader, channel, caller);
    return admit === null || read instanceof Response ? read : admit(read);
  });
}

function validate(
  req: Request,
  body: unknown,
  keyHeader: string | null,
  channel: Channel,
  caller: Caller,
): PurchaseRequest | Response {
  if (!checkPurchaseBody.Check(body)) return invalidBody(req, body);
  const forbidden = forbiddenField(body);
  if (forbidden !== null) {
    return failure(req, 'invalid_request', `${forbidden} is not an allowed field`, { field: forbidden });
  }
  const { productId, quantity, userId, expectedPriceMinor = null } = body;
  const customer = customerOf(caller, canonicalCustomer(userId));
  if (customer === undefined) return notTheCaller(req, failure);
  if (keyHeader === null) return { productId, quantity, customer, key: null, expectedPriceMinor };
  const value = readKey(keyHeader);
  if (value === null) return badKey(req, failure);
  if (customer === null && value.length < ANONYMOUS_KEY_CHARS_MIN) {
    return failure(
      req,
      'invalid_request',
      `Idempotency-Key needs at least ${ANONYMOUS_KEY_CHARS_MIN} characters when there is no userId`,
      { field: 'Idempotency-Key' },
    );
  }
  const scope = customer === null ? `${channel}:` : `${channel}:customer:${customer}`;
  const asked = `${productId}:${quantity}`;
  const fingerprint = expectedPriceMinor === null ? asked : `${asked}:${expectedPriceMinor}`;
  return { productId, quantity, customer, key: { scope, value, fingerprint }, expectedPriceMinor };
}

/** For whom a caller may ask: undefined where the request names another customer than the caller is. */
export function customerOf(caller: Caller, named: string | null): string | null | undefined {
  if (caller.kind === 'anybody' || caller.kind === 'operator') return named;
  const own = caller.kind === 'customer' ? caller.customer : null;
  return named === null || named === own ? own : undefined;
}

export function notTheCaller(req: Request, refuse: Refuse): Response {
  return refuse(req, 'customer_mismatch', 'userId is not who the token or the session says: leave it out', {
    field: 'userId',
  });
}

/** A customer as something else than a body names it; null for what is none. */
export function readCustomer(value: unknown): string | null {
  return value !== null && checkUserId.Check(value) ? canonicalCustomer(value) : null;
}

/**
 * The number 12345 and the string "12345" are one customer, and so is a name however its accents were typed (NFC) and with spaces
 * around it; null is an anonymous one.
 */
export function canonicalCustomer(userId: number | string | null | undefined): string | null {
  return userId === undefined || userId === null ? null : String(userId).normalize('NFC').trim();
}

function invalidBody(req: Request, body: unknown): Response {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return failure(req, 'invalid_request', 'The body must be a JSON object with productId and quantity', {
      field: 'body',
    });
  }
  const { field } = faultOf(checkPurchaseBody, body);
  return failure(req, 'invalid_request', EXPECTED[field] ?? `${field} is invalid`, { field });
}

export function badKey(req: Request, refuse: Refuse): Response {
  const says = `Idempotency-Key must have 1 to ${KEY_CHARS_MAX} visible characters`;
  return refuse(req, 'invalid_request', says, { field: 'Idempotency-Key' });
}

/** The key as sent bare or as a quoted string (RFC 8941 sf-string); null when it is not one. */
export function readKey(header: string): string | null {
  const quoted = header.length >= 2 && header.startsWith('"') && header.endsWith('"');
  const value = quoted ? header.slice(1, -1).replace(/\\(["\\])/g, '$1') : header;
  return value.length <= KEY_CHARS_MAX && /^[\x20-\x7e]+$/.test(value) && value.trim() !== '' ? value : null;
}
