import fc from 'fast-check';
import type { ApiOperation, Parameter } from './operations.ts';
import { jsonOf, type Known, plainOf, type Text } from './values.ts';

/** Requests to one operation, most of them nearly right. */

/** What the document says of a part of a request: that it is right, that it is wrong, or nothing. */
type Part = 'right' | 'wrong' | 'open';

export interface Request {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  readonly isFromOperator: boolean;
  /** By name: of a parameter, of a field of the body, or `body` or `Content-Type` for the whole of it. */
  readonly parts: ReadonlyMap<string, Part>;
}

/** A request as drawn; what it needs to know of earlier answers is looked up when it is sent. */
export type Draft = (known: Known) => Request;

export function requestsTo(operation: ApiOperation, operatorToken: string): fc.Arbitrary<Draft> {
  const { method, parameters, body } = operation;
  return fc
    .record({
      values: fc.tuple(...parameters.map(valuesFor)),
      odds: ODD_HEADERS,
      query: ODD_QUERIES,
      authorization: credentials(operatorToken),
      type: body ? CONTENT_TYPES : fc.constant(null),
      json: body ? fc.oneof({ weight: 30, arbitrary: jsonOf('body', body.schema) }, JUNK) : fc.constant(null),
    })
    .map(({ values, odds, query, authorization, type, json }) => (known) => {
      const parts = new Map<string, Part>();
      const headers: Record<string, string> = { ...odds };
      let path = operation.path;
      const search: string[] = [];
      parameters.forEach((parameter, i) => {
        const value = values[i]?.(known) ?? null;
        parts.set(parameter.name, judgeParameter(parameter, value));
        if (value === null) return;
        if (parameter.in === 'path') path = path.replace(`{${parameter.name}}`, inPath(value));
        else if (parameter.in === 'query') search.push(`${parameter.name}=${inQuery(value)}`);
        else headers[parameter.name] = value;
      });
      if (query) search.push(query);
      if (authorization) headers.Authorization = authorization;
      const bytes = json === null ? null : bytesOf(json, known);
      if (body && bytes) {
        if (type) headers['Content-Type'] = type;
        parts.set('Content-Type', isJson(type) ? 'right' : body.required ? 'wrong' : 'open');
        for (const [name, part] of judgeBody(operation, bytes)) parts.set(name, part);
      }
      return {
        method,
        target: path + (search.length > 0 ? `?${search.join('&')}` : ''),
        headers,
        body: bytes,
        isFromOperator: authorization === `Bearer ${operatorToken}`,
        parts,
      };
    });
}

/** A header's value can only hold what HTTP lets through, and loses its outer white space on the way. */
function valuesFor(parameter: Parameter): fc.Arbitrary<Text | null> {
  const { name, in: place, required, schema } = parameter;
  const text = plainOf(name, schema).map((of): Text => {
    if (place === 'path') return (known) => of(known) || '0';
    return place === 'query'
      ? of
      : (known) =>
          of(known)
            .replace(/[^\x20-\x7e\xa0-\u{10ffff}]/gu, '')
            .trim();
  });
  const absent = fc.constant(null);
  if (place === 'path') return text;
  return fc.oneof({ weight: required ? 9 : 1, arbitrary: text }, { weight: 1, arbitrary: absent });
}

function judgeParameter({ required, schema, check, name }: Parameter, value: string | null): Part {
  if (value === null) return required ? 'wrong' : 'right';
  // Whether an absent value and an empty one are the same is nowhere said.
  if (value === '') return 'open';
  // Nor what leading zeros are.
  if (/^-?0\d+$/.test(value)) return 'open';
  const read = readPlain(value, schema.type, schema.items?.type);
  // Servers that follow the standard pass over a resumption that they cannot read.
  if (name === 'Last-Event-ID' || name === 'If-None-Match') return 'open';
  return check.Check(read) ? 'right' : 'wrong';
}

function readPlain(value: string, type?: string, itemType?: string): unknown {
  if (type === 'array') return value.split(',').map((item) => readPlain(item, itemType));
  if (type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value;
  const isNumber = (type === 'integer' || type === 'number') && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(value);
  return isNumber ? Number(value) : value;
}

/** Each field of the body by itself where the body is an object, so that an answer can be asked whether it names the wrong one. */
function judgeBody({ body }: ApiOperation, bytes: Uint8Array): [string, Part][] {
  if (bytes.length === 0) return [['body', body!.required ? 'wrong' : 'open']];
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return [['body', isUtf8(bytes) ? 'wrong' : 'open']];
  }
  if (bytes.length > BODY_BYTES_MAX) return [['body', 'wrong']];
  if (typeof value === 'object' && value !== null) {
    // They are refused where somebody looks at them, which no schema says.
    if (Object.hasOwn(value, '__proto__') || Object.hasOwn(value, 'constructor')) return [['body', 'open']];
  }
  if (body!.check.Check(value)) return [['body', 'right']];
  const errors = [...body!.check.Errors(value)];
  return errors.map(({ instancePath, params }) => {
    const missing = (params as { requiredProperties?: string[] }).requiredProperties?.[0];
    return [instancePath.split('/')[1] ?? missing ?? 'body', 'wrong'];
  });
}

/** What the routes take at most. */
const BODY_BYTES_MAX = 16 * 1024;

const CONTENT_TYPES = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('application/json', 'application/json; charset=utf-8') },
  fc.constantFrom('text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'application/xml'),
);

function isJson(type: string | null): boolean {
  return type?.split(';')[0] === 'application/json';
}

/** Bodies that are no JSON, or not the JSON that anybody wanted. */
const JUNK = fc
  .constantFrom(
    ...[
      '',
      ' ',
      '{',
      '{}',
      '[]',
      'null',
      '{"a":1,}',
      "{'a':1}",
      '{"a":NaN}',
      'a=1&b=2',
      '\u0000',
      '\ufeff{}',
    ],
    `{"note":"${'x'.repeat(20_000)}"}`,
    '['.repeat(5_000),
  )
  .map(
    (text): Text =>
      () =>
        text,
  );

function bytesOf(text: Text, known: Known): Uint8Array {
  return Buffer.from(text(known));
}

function isUtf8(bytes: Uint8Array): boolean {
  return Buffer.from(new TextDecoder().decode(bytes)).equals(bytes);
}

function credentials(token: string): fc.Arbitrary<string | null> {
  const strangers = [null, 'Bearer', 'Bearer not-the-token', `Basic ${token}`, `Bearer ${token}x`, token];
  return fc.oneof(
    { weight: 10, arbitrary: fc.constant(`Bearer ${token}`) },
    { weight: 1, arbitrary: fc.constantFrom(...strangers) },
  );
}

/** Headers that nobody asked for and that must change nothing of what an answer looks like. */
const ODD_HEADERS: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  fc.constantFrom<Record<string, string>>(
    { Accept: 'text/html' },
    { Accept: 'application/xml;q=0.9, image/*' },
    { Accept: ';;;' },
    { 'Accept-Encoding': 'identity;q=0' },
    { 'X-Request-Id': 'asked-by-a-fuzzer' },
    { 'X-Request-Id': 'x'.repeat(129) },
    { 'X-Request-Id': 'two words' },
    { 'X-HTTP-Method-Override': 'DELETE' },
    { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Host': 'evil.example' },
    { Cookie: 'a=b; '.repeat(200) },
    { Range: 'bytes=0-1' },
    { 'If-None-Match': '*' },
  ),
);

const ODD_QUERIES = fc.oneof(
  { weight: 12, arbitrary: fc.constant('') },
  fc.constantFrom('utm_source=mail', '__proto__=1', 'a[]=1&a[]=2', '%', '&&==', `q=${'x'.repeat(4_000)}`),
);

/** Dots alone would be resolved by whoever sends it. */
function inPath(value: string): string {
  const segment = encodeURIComponent(value.toWellFormed());
  return /^\.+$/.test(segment) ? '0' : segment;
}

function inQuery(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}
