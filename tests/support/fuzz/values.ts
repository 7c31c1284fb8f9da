import fc from 'fast-check';
import type { Schema } from './operations.ts';

/** Texts that requests are made of: mostly what a schema allows, now and then anything else. */

/** What earlier answers told, so that a request can speak of an order that there is. */
export interface Known {
  /** One of the values that were seen under this name, or null when there is none. */
  pick(name: string, index: number): string | null;
}

/** A text that may have to be looked up when the request is sent. */
export type Text = (known: Known) => string;

const SOUND_SHARE = 12;

/** JSON for a value under this name. */
export function jsonOf(name: string, schema: Schema): fc.Arbitrary<Text> {
  return fc.oneof(
    { weight: SOUND_SHARE, arbitrary: soundJson(name, schema) },
    { weight: 1, arbitrary: STRANGE_JSON.map(always) },
  );
}

/** A value of a path, a query or a header. */
export function plainOf(name: string, schema: Schema): fc.Arbitrary<Text> {
  return fc.oneof(
    { weight: SOUND_SHARE / 2, arbitrary: knownOr(name, soundValue(schema).map(plain)) },
    { weight: SOUND_SHARE / 2, arbitrary: soundValue(schema).map((value) => always(plain(value))) },
    { weight: 2, arbitrary: STRANGE_TEXT.map(always) },
  );
}

function soundJson(name: string, schema: Schema): fc.Arbitrary<Text> {
  if (schema.properties) return objectJson(schema);
  if (schema.type === 'array') {
    const { minItems = 0, maxItems = 4 } = schema;
    const items = fc.array(jsonOf(name, schema.items ?? {}), {
      minLength: minItems,
      maxLength: Math.max(minItems, Math.min(maxItems, 4)),
    });
    return items.map((texts) => (known) => `[${texts.map((text) => text(known)).join()}]`);
  }
  const own = soundValue(schema).map((value) => JSON.stringify(value));
  return fc.oneof(own.map(always), asJson(schema, knownOr(name, own.map(unquoted))));
}

function objectJson({ properties = {}, required = [] }: Schema): fc.Arbitrary<Text> {
  const fields = Object.entries(properties).map(([name, schema]) =>
    fc.tuple(
      fc.constant(name),
      // A field that must be there is missing in one object of twelve.
      required.includes(name) ? fc.nat(SOUND_SHARE - 1).map((n) => n > 0) : fc.boolean(),
      jsonOf(name, schema),
    ),
  );
  const more = fc.oneof({ weight: 8, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: ODD_FIELDS });
  return fc.tuple(fc.tuple(...fields), more).map(([drawn, odd]) => (known) => {
    const pairs = drawn.flatMap(([name, isThere, text]) =>
      isThere ? [`${JSON.stringify(name)}:${text(known)}`] : [],
    );
    return `{${[...odd, ...pairs].join()}}`;
  });
}

/** They come first, so that a field that is named twice has its sound value last, which is the one that counts. */
const ODD_FIELDS: fc.Arbitrary<string[]> = fc.constantFrom(
  ['"extra":[{}]'],
  ['"":0'],
  ['"productId":{}', '"quantity":"x"', '"reason":7'],
  ['"__proto__":{"admin":true}'],
  ['"constructor":{"prototype":{}}'],
  ['"toString":1'],
  [`"${'long'.repeat(400)}":1`],
);

function soundValue(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(soundValue));
  switch (schema.type) {
    case 'integer':
    case 'number':
      return soundNumber(schema);
    case 'string':
      return soundString(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(soundValue(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 4, 4),
      });
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

/** Bounds, their neighbours, and the small numbers that name things and are likely to mean something. */
function soundNumber({ minimum = -(2 ** 53) + 1, maximum = 2 ** 53 - 1 }: Schema): fc.Arbitrary<number> {
  const edges = [minimum, minimum + 1, maximum - 1, maximum];
  const small = [1, 2, 3, 5, 100].filter((one) => one >= minimum && one <= maximum);
  return fc.oneof(
    fc.constantFrom(...edges),
    fc.integer({ min: minimum, max: maximum }),
    ...(small.length > 0 ? [{ weight: 4, arbitrary: fc.constantFrom(...small) }] : []),
  );
}

function soundString({ pattern, format, minLength = 0, maxLength = 80 }: Schema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') return SOUND_TIMES;
  const any = fc.oneof(
    fc.string({ minLength, maxLength }),
    fc.string({ minLength, maxLength, unit: 'grapheme' }),
    fc.constantFrom(maxLength, minLength).map((length) => 'x'.repeat(length)),
  );
  if (pattern === undefined) return any;
  const allowed = new RegExp(pattern, 'u');
  const letters = any.filter((text) => allowed.test(text));
  // A pattern that allows all but a few characters is met by most strings; of others fast-check makes them.
  return /^\^(\(\?=.*?\))?\[\^/.test(pattern) ? letters : fc.stringMatching(new RegExp(pattern));
}

const SOUND_TIMES = fc.oneof(
  fc
    .date({ min: new Date('2026-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  fc.constantFrom(
    '1970-01-01T00:00:00Z',
    '2000-02-29T23:59:59.999999999Z',
    '2099-01-01T00:00:00+14:00',
    '9999-12-31T23:59:59Z',
    '0001-01-01T00:00:00Z',
  ),
);

/** Boundary numbers, wrong types, and what has brought down others. */
const STRANGE_JSON = fc.oneof(
  fc.constantFrom(
    ...['null', 'true', 'false', '0', '-0', '-1', '1.5', '1e0', '1E400', '-1e400', '5e-324'],
    ...['2147483647', '2147483648', '9007199254740991', '9007199254740992', '1000000000000000000000'],
    ...['""', '" "', '"0"', '"1"', '"NaN"', '"\\u0000"', '"a\\u0000b"', '"\\ud83d"', '"\\ufffd"'],
    ...[
      '"\\u202e"',
      '"__proto__"',
      '"%00"',
      '"\'; DROP TABLE orders; --"',
      '"{{7*7}}"',
      '"../../etc/passwd"',
    ],
    ...['"2026-02-30T00:00:00Z"', '"2026-13-01T00:00:00Z"', '"+275760-09-13T00:00:00Z"', '"yesterday"'],
    ...['[]', '{}', '[1]', '[[]]', '[null]', '{"a":1}', '{"length":1}', '{"toString":"x"}'],
    `"${'x'.repeat(65)}"`,
    `"${'long '.repeat(1_500)}"`,
    `${'['.repeat(500)}${']'.repeat(500)}`,
    `[${Array.from({ length: 1_500 }, (_, i) => i + 1)}]`,
  ),
  fc.json({ maxDepth: 2 }),
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
);

const STRANGE_TEXT = fc.oneof(
  fc.constantFrom(
    ...['0', '-1', '1.5', '01', '+1', '1e3', '0x1', '9007199254740992', '99999999999999999999', 'NaN', ' 1'],
    ...[
      'null',
      'undefined',
      'true',
      '[]',
      '{}',
      '__proto__',
      'constructor',
      'toString',
      '*',
      ',',
      ',,',
      '1,,2',
    ],
    ...[
      '\0',
      'a\0b',
      '\n',
      '\t',
      '\u202e',
      '\ufeff1',
      '%',
      '%00',
      '%2e%2e',
      '/',
      '\\',
      '?',
      '#',
      ';',
      '&',
      '=',
    ],
    ...["' OR 1=1 --", '../../etc/passwd', '00000000-0000-0000-0000-000000000000', 'x'.repeat(4_000)],
    Array.from({ length: 1_000 }, (_, i) => i + 1).join(),
  ),
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.uuid(),
);

/** A value that an answer has told under this name, where there is one. */
function knownOr(name: string, otherwise: fc.Arbitrary<string>): fc.Arbitrary<Text> {
  return fc.tuple(fc.nat(1_000), otherwise).map(
    ([index, own]) =>
      (known) =>
        known.pick(name, index) ?? own,
  );
}

/** A known value as JSON: a string in quotes unless the schema wants a number. */
function asJson({ type }: Schema, text: fc.Arbitrary<Text>): fc.Arbitrary<Text> {
  const isNumber = type === 'integer' || type === 'number';
  return text.map((of) => (known) => {
    const value = of(known);
    return isNumber || !/^[\w-]+$/.test(value) ? bare(value) : JSON.stringify(value);
  });
}

function bare(value: string): string {
  try {
    JSON.parse(value);
    return value;
  } catch {
    return JSON.stringify(value);
  }
}

function unquoted(json: string): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}

function plain(value: unknown): string {
  return Array.isArray(value) ? value.map(plain).join() : String(value);
}

function always(text: string): Text {
  return () => text;
}
