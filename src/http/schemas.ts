import Type from 'typebox';
import { QUANTITY_MAX } from '../domain/purchase.ts';

/**
 * What the shapes of several routes are made of. What validates is what the OpenAPI document shows: each schema is JSON Schema, and one
 * with an `$id` stands there under that name.
 */

export const nullable = <T extends Type.TSchema>(schema: T, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description });

/** An object that the document has under a name. */
export function shape<P extends Type.TProperties>(name: string, description: string, properties: P) {
  return Type.Object(properties, named(name, description));
}

/** The same, and no other field is taken. */
export function closed<P extends Type.TProperties>(name: string, description: string, properties: P) {
  return Type.Object(properties, { ...named(name, description), additionalProperties: false });
}

function named(name: string, description: string) {
  return { $id: name, ...(description !== '' && { description }) };
}

export function list<P extends Type.TProperties>(properties: P) {
  return Type.Array(Type.Object(properties));
}

export function count(description: string) {
  return Type.Integer({ minimum: 0, description });
}

export const Uuid = Type.String({ format: 'uuid' });
export const Timestamp = Type.String({ format: 'date-time' });
export const Count = Type.Integer({ minimum: 0 });
export const AmountMinor = Type.Integer({ description: 'Whole amount in minor units (cents)' });
export const Currency = Type.String({ description: 'ISO 4217' });

export const ProductId = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Product id',
  examples: [3],
});

export const Quantity = Type.Integer({ minimum: 1, maximum: QUANTITY_MAX, description: 'Units wanted' });

/**
 * What no text of ours has in it, for the inside of a pattern's `[^…]`: control characters (Cc), lone surrogates (Cs), and the
 * replacement character, which is the trace of broken UTF-8. Written out, because the patterns are in the API's document, and not
 * every language reads `\p{Cc}`.
 */
export const UNTEXT = '\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff\\ufffd';

/** Something is left of it when it is trimmed. */
const CUSTOMER_PATTERN = `^(?=\\s*\\S)[^${UNTEXT}]{1,64}$`;

export const UserId = Type.Union(
  [
    Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
    Type.String({ pattern: CUSTOMER_PATTERN, minLength: 1, maxLength: 64 }),
    Type.Null(),
  ],
  {
    description:
      'The customer. Customers are compared as Unicode NFC, without spaces around them: 12345, "12345" and " 12345" are the ' +
      'same one; upper and lower case differ. Absent or null: anonymous. No limit applies then, and a sale with ' +
      '`customerRequired` refuses.',
  },
);

/** A person's name, or a program's. */
export const ACTOR_PATTERN = `^[^\\s${UNTEXT}]([^${UNTEXT}]{0,62}[^\\s${UNTEXT}])?$`;

export const REASON_PATTERN = `^[^\\s${UNTEXT}][^${UNTEXT}]{0,499}$`;

export const Reason = Type.String({
  pattern: REASON_PATTERN,
  minLength: 1,
  maxLength: 500,
  description: 'Why, for the log of operations',
});

const ERROR = {
  message: Type.String(),
  code: Type.String(),
  field: Type.Optional(Type.String({ description: 'The input that is wrong' })),
  requestId: Type.String(),
};

export const ErrorAnswer = shape('Error', '', ERROR);

export const ProblemAnswer = shape('Problem', 'RFC 9457', {
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.Optional(Type.String()),
  ...ERROR,
});
