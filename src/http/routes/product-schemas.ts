import Type from 'typebox';
import { CURRENCIES } from '../../domain/currencies.ts';
import { TEST_CURRENCY, UNITS_MAX } from '../../domain/product.ts';
import { TIME_PATTERN } from '../read-time.ts';
import { Count, closed, count, list, nullable, Reason, shape, Timestamp, UNTEXT } from '../schemas.ts';

/** The shapes of products and their sales. */

/** With quantities of a million at most, every amount stays an exact number. */
const PRICE_MINOR_MAX = 9_000_000_000;
const HOLD_SECONDS_MAX = 86_400;
const NAME_PATTERN = `^[^${UNTEXT}]{1,200}$`;
const TEXT_MAX = 2000;
/** As a name, but with line breaks and tabs; something is left of it when it is trimmed. */
const DESCRIPTION_PATTERN = `^(?=\\s*\\S)[^${UNTEXT.replace('\\u0000-\\u001f', '\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f')}]{1,${TEXT_MAX}}$`;
/** What a URL has in it (RFC 3986); everything else is percent-encoded. */
const IN_URL = '[!#-;=?-Z_a-z~]';
/**
 * Names of hosts, and this machine also without TLS. A path begins with one slash: two, or one and a backslash, would lead a browser to
 * another server.
 */
const IMAGE_URL_PATTERN =
  `^(https://[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:\\d{1,5})?([/?#]${IN_URL}*)?` +
  `|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])(:\\d{1,5})?([/?#]${IN_URL}*)?` +
  `|/([!#-.0-;=?-Z_a-z~]${IN_URL}*)?)$`;

/** Far ahead, because a reader may copy it. */
const SOME_TIME = '2099-12-31T09:00:00Z';

const ProductId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
const Name = Type.String({ pattern: NAME_PATTERN, minLength: 1, maxLength: 200 });
const Description = Type.String({
  pattern: DESCRIPTION_PATTERN,
  minLength: 1,
  maxLength: TEXT_MAX,
  description: 'Plain text, line breaks included',
});
const ImageUrl = Type.String({
  pattern: IMAGE_URL_PATTERN,
  maxLength: TEXT_MAX,
  description: 'A picture: an absolute https:// URL, or a path of this server',
});
const PriceMinor = Type.Integer({
  minimum: 1,
  maximum: PRICE_MINOR_MAX,
  description: 'Price of one unit in minor units (cents)',
});
export const Currency = Type.String({ pattern: `^(${CURRENCIES.join('|')})$`, description: 'ISO 4217' });
const CurrencyOrTest = Type.String({
  pattern: `^(${[...CURRENCIES, TEST_CURRENCY].join('|')})$`,
  description:
    `ISO 4217. With ${TEST_CURRENCY}, its code for tests, the product is hidden: for a rehearsal, under an id that cannot be ` +
    'guessed, in no list but that of operators, never charged, and the only kind that can be removed',
});
const Limit = Type.Integer({ minimum: 1, maximum: UNITS_MAX });
const CustomerRequired = Type.Boolean({
  description: 'Whether a purchase has to name a userId, so that the limit counts every unit',
});
const HoldSeconds = Type.Integer({
  minimum: 1,
  maximum: HOLD_SECONDS_MAX,
  description: 'How long an unpaid order keeps its units',
});
export const Time = Type.String({
  pattern: TIME_PATTERN,
  description: `RFC 3339, like ${SOME_TIME}; what is finer than milliseconds is cut off`,
});

/** What every sale has, and may do without in a request. */
const TERMS = {
  description: Type.Optional(nullable(Description)),
  imageUrl: Type.Optional(nullable(ImageUrl)),
  opensAt: Type.Optional(nullable(Time)),
  closesAt: Type.Optional(nullable(Time)),
  perCustomerLimit: Type.Optional(nullable(Limit)),
  customerRequired: Type.Optional(CustomerRequired),
  holdSeconds: Type.Optional(HoldSeconds),
  reason: Reason,
};

export const ProductBody = closed(
  'ProductRequest',
  'Without `productId` the lowest free one is taken. Without times the sale is open at once and never closes; without ' +
    '`perCustomerLimit` there is none, and buyers may be anonymous without `customerRequired`; holds are 600 seconds.',
  {
    productId: Type.Optional(ProductId),
    name: Name,
    priceMinor: PriceMinor,
    currency: CurrencyOrTest,
    units: Type.Integer({ minimum: 0, maximum: UNITS_MAX }),
    ...TERMS,
  },
);

export const ProductChangeBody = Type.Object(
  { name: Type.Optional(Name), priceMinor: Type.Optional(PriceMinor), ...TERMS },
  {
    $id: 'ProductChangeRequest',
    additionalProperties: false,
    minProperties: 2,
    description: 'What is not named stays as it is. null takes a text, a time or the limit away.',
  },
);

export const UnitsBody = closed('UnitsRequest', '', {
  delta: Type.Integer({
    minimum: -UNITS_MAX,
    maximum: UNITS_MAX,
    description: 'Added to the free units of this generation; negative takes free units away',
  }),
  reason: Reason,
});

export const ReasonBody = closed('ReasonRequest', '', { reason: Reason });

const PRODUCT = {
  productId: ProductId,
  name: Type.String(),
  description: nullable(Type.String(), 'Plain text, line breaks included'),
  imageUrl: nullable(Type.String(), 'A picture: an absolute URL, or a path of this server'),
  priceMinor: Type.Integer({ minimum: 0 }),
  currency: Type.String(),
  total: Count,
  available: count('Free to buy now'),
  reserved: count('Ordered and not paid yet'),
  sold: Count,
  version: Type.Integer({
    minimum: 1,
    description: 'Rises by one with every change, each batch of purchases included',
  }),
  generation: Type.Integer({ minimum: 1, description: 'Counts the resets of the sale, from 1' }),
  state: Type.Enum(['not_open', 'open', 'paused', 'closed'], {
    description: 'As of `serverTime`. `paused` only while it would be open otherwise',
  }),
  paused: Type.Boolean({ description: "The operators' own switch, whatever the times say" }),
  drained: Type.Boolean({
    description:
      'Closed, and no unit is reserved any more. Purchases that were accepted before may still be in the queue.',
  }),
  opensAt: nullable(Timestamp),
  closesAt: nullable(Timestamp),
  perCustomerLimit: nullable(Limit),
  customerRequired: Type.Boolean(),
  holdSeconds: Type.Integer({ minimum: 1 }),
};

export const ProductAnswer = shape('Product', '`total = available + reserved + sold`, always.', {
  ...PRODUCT,
  serverTime: Timestamp,
});

export const ProductsAnswer = shape(
  'Products',
  'By id. `next` is the `after` of the next page; null on the last one.',
  { products: list(PRODUCT), next: nullable(ProductId), serverTime: Timestamp },
);

export const RemovalAnswer = shape('Removal', '', {
  productId: ProductId,
  removed: Type.Boolean({ description: 'False: a part is deleted. Another request continues' }),
});

/** What each field accepts, in words. */
export const EXPECTED_OF_PRODUCTS: Readonly<Record<string, string>> = {
  productId: `productId must be an integer from 1 to ${Number.MAX_SAFE_INTEGER}, or absent`,
  name: 'name must have 1 to 200 characters, no control characters or broken UTF-8 among them',
  description: `description must have 1 to ${TEXT_MAX} characters, no control characters but line breaks and tabs, or be null`,
  imageUrl: `imageUrl must be an https:// URL or a path that begins with one /, percent-encoded, at most ${TEXT_MAX} characters, or null`,
  priceMinor: `priceMinor must be a whole number of minor units from 1 to ${PRICE_MINOR_MAX}`,
  currency: 'currency must be the ISO 4217 code of a currency in use, like USD',
  units: `units must be a whole number from 0 to ${UNITS_MAX}`,
  delta: `delta must be a whole number from -${UNITS_MAX} to ${UNITS_MAX}`,
  opensAt: `opensAt must be a time with its zone like ${SOME_TIME}, or null`,
  closesAt: `closesAt must be a time with its zone like ${SOME_TIME}, or null`,
  perCustomerLimit: `perCustomerLimit must be a whole number from 1 to ${UNITS_MAX}, or null for none`,
  customerRequired: 'customerRequired must be true or false',
  holdSeconds: `holdSeconds must be a whole number from 1 to ${HOLD_SECONDS_MAX}`,
};

/**
 * Answers of a real server, word for word. A test holds them against their schemas. Readers get them with later times
 * (example-times.ts), so nothing else in them may name a day.
 */
const SHOWN = {
  productId: 6,
  name: 'Concert ticket, front row',
  description: 'Front row, centre.\nDoors open an hour before.',
  imageUrl: 'https://example.com/front-row.jpg',
  priceMinor: 12500,
  currency: 'EUR',
  total: 300,
  available: 300,
  reserved: 0,
  sold: 0,
  version: 1,
  generation: 1,
  state: 'not_open',
  paused: false,
  drained: false,
  opensAt: '2026-11-27T09:00:00.000Z',
  closesAt: '2026-11-27T09:30:00.000Z',
  perCustomerLimit: 2,
  customerRequired: false,
  holdSeconds: 600,
};

const SERVER_TIME = { serverTime: '2026-11-22T21:52:10.114Z' };

export const A_PRODUCT = { ...SHOWN, ...SERVER_TIME };
export const PRODUCTS = { products: [SHOWN], next: null, ...SERVER_TIME };
export const PAUSED = { ...SHOWN, version: 2, paused: true, ...SERVER_TIME };
