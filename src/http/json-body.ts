import type { Validator } from 'typebox/compile';
import { type failure, problem } from './respond.ts';

export const BODY_BYTES_MAX = 16 * 1024;

/** How an error is said: `failure` on the fixed routes, `problem` on our own. */
export type Refuse = typeof failure | typeof problem;

/**
 * Hands the body to `use`, or answers what is wrong with it. It takes `use`, rather than giving the body back, because each
 * `then` more is a turn more for every purchase.
 */
export function readJsonBody<T>(
  req: Request,
  refuse: Refuse,
  use: (body: unknown) => T | Response,
): Promise<T | Response> | Response {
  const { headers } = req;
  const type = headers.get('content-type');
  if (type !== 'application/json' && !isJsonType(type)) {
    return refuse(req, 'unsupported_media_type', 'Content-Type must be application/json, in UTF-8');
  }
  const coding = headers.get('content-encoding');
  if (coding !== null && !/^(identity)?$/i.test(coding.trim())) {
    return refuse(req, 'unsupported_media_type', 'The body must not be compressed: no Content-Encoding', {
      field: 'Content-Encoding',
      headers: { 'Accept-Encoding': 'identity' },
    });
  }
  const length = headers.get('content-length');
  if (length === null) {
    return readUnsized(req, refuse).then((body) => (body instanceof Response ? body : use(body)));
  }
  if (Number(length) > BODY_BYTES_MAX) return tooLarge(req, refuse);
  return req.json().then(use, () => notJson(req, refuse));
}

/** A compiled schema, as far as a request needs it. */
export interface Check<Body> {
  Check(body: unknown): body is Body;
  Errors: Validator['Errors'];
}

/**
 * The same on our own routes, for a body that `check` allows. `expected` says for a field what it accepts, where the schema's
 * own words would not do.
 */
export function readCheckedBody<Body, T>(
  req: Request,
  check: Check<Body>,
  expected: Readonly<Record<string, string>>,
  use: (body: Body) => T | Response,
): Promise<T | Response> | Response {
  return readJsonBody(req, problem, (body) => {
    if (!check.Check(body)) {
      const { field, why } = faultOf(check, body);
      // A field that is refused can have any name, and an object has more than its own.
      const isExpected = why !== UNKNOWN_FIELD && Object.hasOwn(expected, field);
      const says = isExpected ? expected[field]! : `${field || '""'} ${why}`;
      return problem(req, 'invalid_request', says, { field });
    }
    const forbidden = forbiddenField(body as object);
    if (forbidden === null) return use(body);
    return problem(req, 'invalid_request', `${forbidden} is not an allowed field`, { field: forbidden });
  });
}

/** Names that would reach behind an object. A schema that ignores other fields lets them through. */
export function forbiddenField(body: object): string | null {
  if (Object.hasOwn(body, '__proto__')) return '__proto__';
  return Object.hasOwn(body, 'constructor') ? 'constructor' : null;
}

/** What other calls take under this name is of no use here. */
export const UNKNOWN_FIELD = 'is not a known field';

/** The first field that a body's schema refuses and why, in the schema's words; `body` for the whole of it. */
export function faultOf(
  check: Pick<Validator, 'Errors'>,
  body: unknown,
): { readonly field: string; readonly why: string } {
  const [error] = check.Errors(body);
  const missing = (error?.params as { requiredProperties?: string[] } | undefined)?.requiredProperties?.[0];
  if (missing !== undefined) return { field: missing, why: 'is required' };
  const field = error?.instancePath.split('/')[1] ?? 'body';
  if (error?.keyword === 'boolean') return { field, why: UNKNOWN_FIELD };
  return { field, why: error === undefined || error.keyword === 'pattern' ? 'is invalid' : error.message };
}

/** JSON is UTF-8 (RFC 8259, 8.1), whatever parameters say of something else. */
function isJsonType(type: string | null): boolean {
  if (type === null || !/^application\/json\s*(;|$)/i.test(type)) return false;
  const charset = /;\s*charset\s*=\s*("?)([^";\s]*)\1/i.exec(type)?.[2];
  return charset === undefined || /^utf-?8$/i.test(charset);
}

/** The body as it came, no further than the limit: a signature is of its bytes. */
export async function readTextBody(
  req: Request,
  refuse: Refuse,
  bytesMax: number,
): Promise<string | Response> {
  if (Number(req.headers.get('content-length')) > bytesMax) return tooLarge(req, refuse, bytesMax);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of req.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) return tooLarge(req, refuse, bytesMax);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** A body that did not say its length. */
async function readUnsized(req: Request, refuse: Refuse): Promise<unknown> {
  try {
    const body = await readTextBody(req, refuse, BODY_BYTES_MAX);
    return body instanceof Response ? body : JSON.parse(body);
  } catch {
    return notJson(req, refuse);
  }
}

function tooLarge(req: Request, refuse: Refuse, bytesMax = BODY_BYTES_MAX): Response {
  return refuse(req, 'payload_too_large', `The body must not be larger than ${bytesMax} bytes`, {
    field: 'body',
  });
}

function notJson(req: Request, refuse: Refuse): Response {
  return refuse(req, 'invalid_request', 'The body is not valid JSON', { field: 'body' });
}
