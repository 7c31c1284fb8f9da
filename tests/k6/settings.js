/** Where a new generation's units end: the server takes no more. */
const STOCK_MAX = 2147483647;
const DEFAULT_STOCK = 1000;

/** What a run was told with `-e NAME=VALUE`. A value that cannot be used ends the run before its first request. */
export const settings = {
  baseUrl: readBaseUrl(),
  productId: readNumber('PRODUCT', 1, { min: 1, max: Number.MAX_SAFE_INTEGER, whole: true }),
  /** With it the product gets fresh units first, and the books are audited in the end. */
  operatorToken: __ENV.OPERATOR_TOKEN || '',
  stock: readStock(),
  /** Multiplies the durations of the scenarios. */
  scale: readNumber('SCALE', 1, { min: 0.01, max: 10, whole: false }),
  /** Multiplies their users. */
  users: readNumber('USERS', 1, { min: 0.01, max: 10, whole: false }),
  /** One in so many accepted purchases is followed to its outcome. */
  followEvery: readNumber('FOLLOW', 100, { min: 1, max: 1000000, whole: true }),
  /** The file of the summary; empty: the script's own name under results/. */
  summaryFile: __ENV.SUMMARY || '',
};

function readBaseUrl() {
  const url = (__ENV.BASE_URL || 'http://localhost:8080').replace(/\/+$/, '');
  if (!/^https?:\/\/[^\s/?#]+(\/[^\s?#]*)?$/.test(url))
    throw new Error(`BASE_URL must be an address like http://localhost:8080, not "${url}"`);
  return url;
}

function readStock() {
  if (__ENV.STOCK && !__ENV.OPERATOR_TOKEN)
    throw new Error('STOCK needs OPERATOR_TOKEN, because only an operator may reset the stock');
  return readNumber('STOCK', DEFAULT_STOCK, { min: 0, max: STOCK_MAX, whole: true });
}

/**
 * @param {string} name
 * @param {number} fallback
 * @param {{ min: number, max: number, whole: boolean }} range
 */
function readNumber(name, fallback, { min, max, whole }) {
  const text = __ENV[name];
  if (!text) return fallback;
  const value = Number(text);
  if (value >= min && value <= max && (!whole || Number.isInteger(value))) return value;
  throw new Error(`${name} must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}, not "${text}"`);
}
