import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import { bodyOf, call, told } from './api.js';
import { settings } from './settings.js';

/** Its threshold fails with the first one. */
const negativeStock = new Counter('negative_stock');

/**
 * What `setup` hands to every buyer, and to the check at the end.
 * @typedef {{ run: string, stock: number }} Sale
 */

/**
 * Makes sure that there is something to load: the server answers and its product is open for sale. With an operator's
 * token the product gets fresh units.
 * @returns {Promise<Sale>}
 */
export async function openSale() {
  const { baseUrl, productId, operatorToken, stock } = settings;
  if (operatorToken) {
    const reset = await call('PUT', `/api/v1/sync/stock/${productId}/reset?stock=${stock}`);
    if (reset.status !== 200) throw new Error(`the stock could not be reset: ${told(reset)}`);
  }
  const product = await call('GET', `/api/v1/products/${productId}`);
  if (product.status !== 200) throw new Error(`product ${productId} could not be read: ${told(product)}`);
  const { state, available } = bodyOf(product) || {};
  if (!state) throw new Error(`${baseUrl} does not answer like PulseCart; is BASE_URL right?`);
  if (state !== 'open') throw new Error(`product ${productId} is not open for sale: it is ${state}`);
  // What is read may be a quarter of a second old: too old right after a reset.
  return { run: Date.now().toString(36), stock: operatorToken ? stock : available };
}

/**
 * A purchase of one unit by a buyer who has bought nothing before.
 * @param {Sale} sale
 */
export function purchaseOf(sale) {
  const userId = `k6-${sale.run}-${exec.vu.idInTest}-${exec.vu.iterationInInstance}`;
  return JSON.stringify({ productId: settings.productId, quantity: 1, userId });
}

/**
 * What lifts the limits of requests, for users who all come from one address.
 * @type {Record<string, string>}
 */
export const UNLIMITED = settings.operatorToken ? { Authorization: `Bearer ${settings.operatorToken}` } : {};

/** Requests are measured under their name: each tracking id has a URL of its own. */
export const PURCHASE = {
  headers: { 'Content-Type': 'application/json', ...UNLIMITED },
  tags: { name: 'purchase' },
};

/**
 * Notes the units that an answer says are left.
 * @param {number} units
 */
export function watchStock(units) {
  if (units < 0) negativeStock.add(1);
}

/**
 * One counter for each thing that can come of a request, so that every summary shows all of them.
 * @template {string} Outcome
 * @param {string} prefix
 * @param {readonly Outcome[]} outcomes
 */
export function countersOf(prefix, outcomes) {
  return /** @type {Record<Outcome, Counter>} */ (
    Object.fromEntries(outcomes.map((outcome) => [outcome, new Counter(`${prefix}_${outcome}`)]))
  );
}
