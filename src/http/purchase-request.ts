import type { Channel, PurchaseKey } from '../domain/purchase.ts';
import { failure } from './respond.ts';
import { checkPurchaseBody } from './schemas.ts';

/** A valid purchase request, whichever way it came. */
export interface PurchaseRequest {
  readonly productId: number;
  readonly quantity: number;
  /** Canonical: the number 12345 and the string "12345" are one customer. */
  readonly customer: string | null;
  readonly key: PurchaseKey | null;
}

export const BODY_BYTES_MAX = 16 * 1024;
const KEY_CHARS_MAX = 255;
/** An anonymous key is its own scope, so it must be long enough not to meet another's by chance. */
const ANONYMOUS_KEY_CHARS_MIN = 16;

const EXPECTED: Readonly<Record<string, string>> = {
  productId: 'productId must be an integer from 1 to 9007199254740991',
  quantity: 'quantity must be an integer from 1 to 1000000',
  userId:
    'userId must be an integer, or a string of 1 to 64 characters without control characters or broken UTF-8, or absent',
};

/** The request, or the response that says what is wrong with it. */
export function readPurchase(req: Request, channel: Channel): Promise<PurchaseRequest | Response> | Response {
  const { headers } = req;
  const type = headers.get('content-type');
  if (type !== 'application/json' && !isJsonType(type)) {
    return failure(req, 'unsupported_media_type', 'Content-Type must be application/json');
  }
  const keyHeader = headers.get('idempotency-key');
  const length = headers.get('content-length');
  if (length === null) return readUnsized(req).then((body) => validate(req, body, keyHeader, channel));
  if (Number(length) > BODY_BYTES_MAX) return tooLarge(req);
  return req.json().then(
    (body) => validate(req, body, keyHeader, channel),
    () => notJson(req),
  );
}

function validate(
  req: Request,
  body: unknown,
  keyHeader: string | null,
  channel: Channel,
): PurchaseRequest | Response {
  if (body instanceof Response) return body;
  if (!checkPurchaseBody.Check(body)) return invalidBody(req, body);
  if (Object.hasOwn(body, '__proto__') || Object.hasOwn(body, 'constructor')) {
    const field = Object.hasOwn(body, '__proto__') ? '__proto__' : 'constructor';
    return failure(req, 'invalid_request', `${field} is not an allowed field`, { field });
  }
  const { productId, quantity, userId } = body;
  const customer = userId === undefined || userId === null ? null : String(userId);
  if (keyHeader === null) return { productId, quantity, customer, key: null };
  const value = readKey(keyHeader);
  if (value === null) {
    return failure(
      req,
      'invalid_request',
      `Idempotency-Key must have 1 to ${KEY_CHARS_MAX} visible characters`,
      {
        field: 'Idempotency-Key',
      },
    );
  }
  if (customer === null && value.length < ANONYMOUS_KEY_CHARS_MIN) {
    return failure(
      req,
      'invalid_request',
      `Idempotency-Key needs at least ${ANONYMOUS_KEY_CHARS_MIN} characters when there is no userId`,
      { field: 'Idempotency-Key' },
    );
  }
  const scope = customer === null ? `${channel}:` : `${channel}:customer:${customer}`;
  return { productId, quantity, customer, key: { scope, value, fingerprint: `${productId}:${quantity}` } };
}

function invalidBody(req: Request, body: unknown): Response {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return failure(req, 'invalid_request', 'The body must be a JSON object with productId and quantity', {
      field: 'body',
    });
  }
  const [error] = checkPurchaseBody.Errors(body);
  const missing = (error?.params as { requiredProperties?: string[] } | undefined)?.requiredProperties?.[0];
  const field = missing ?? error?.instancePath.split('/')[1] ?? 'body';
  return failure(req, 'invalid_request', EXPECTED[field] ?? `${field} is invalid`, { field });
}

/** The key as sent bare or as a quoted string (RFC 8941 sf-string); null when it is not one. */
function readKey(header: string): string | null {
  const quoted = header.length >= 2 && header.startsWith('"') && header.endsWith('"');
  const value = quoted ? header.slice(1, -1).replace(/\\(["\\])/g, '$1') : header;
  return value.length <= KEY_CHARS_MAX && /^[\x20-\x7e]+$/.test(value) && value.trim() !== '' ? value : null;
}

function isJsonType(type: string | null): boolean {
  return type !== null && /^application\/json\s*(;|$)/i.test(type);
}

/** Reads a body that did not say its length, no further than the limit. */
async function readUnsized(req: Request): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of req.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > BODY_BYTES_MAX) return tooLarge(req);
      chunks.push(chunk);
    }
    return JSON.parse(new TextDecoder().decode(Buffer.concat(chunks)));
  } catch {
    return notJson(req);
  }
}

function tooLarge(req: Request): Response {
  return failure(req, 'payload_too_large', `The body must not be larger than ${BODY_BYTES_MAX} bytes`, {
    field: 'body',
  });
}

function notJson(req: Request): Response {
  return failure(req, 'invalid_request', 'The body is not valid JSON', { field: 'body' });
}
