/**
 * The sync way under load: buyers who wait for their outcome. For k6 1.0 and newer; docs/measuring/k6.md tells more.
 *
 *   k6 run -e BASE_URL=http://localhost:8080 tests/load-test-sync.js
 */
import exec from 'k6/execution';
import http from 'k6/http';
import { Rate } from 'k6/metrics';
import { bodyOf, pause } from './k6/api.js';
import { checkEnd, TEARDOWN_TIMEOUT } from './k6/end-check.js';
import { countersOf, openSale, PURCHASE, purchaseOf, watchStock } from './k6/sale.js';
import { scenariosOf } from './k6/scenarios.js';
import { settings } from './k6/settings.js';
import { summarize } from './k6/summary.js';

/** What can come of a purchase. The first three are answers; `none` is a request without any. */
const OUTCOMES = /** @type {const} */ ([
  'bought',
  'sold_out',
  'refused',
  'unavailable',
  'unknown',
  'wrong',
  'none',
]);
const VALID = ['bought', 'sold_out', 'refused'];

const { 'sync-ramp': ramp, 'sync-constant': constant } = JSON.parse(open('../bench/profiles.json'));
/** @type {Record<string, import('./k6/scenarios.js').ClosedProfile>} */
const profiles = { 'sync-ramp': ramp, 'sync-constant': constant };

const answered = countersOf('sync', OUTCOMES);
const validAnswers = new Rate('valid_answers');

// A refusal is an answer.
http.setResponseCallback(http.expectedStatuses(200, 409));

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: scenariosOf(profiles, settings),
  thresholds: {
    'http_req_duration{name:purchase}': ['p(95)<2000'],
    'http_req_failed{name:purchase}': ['rate<0.05'],
    'http_reqs{name:purchase}': ['count>0'],
    valid_answers: ['rate>0.95'],
    negative_stock: ['count<1'],
    'checks{phase:end}': ['rate==1'],
    dropped_iterations: ['count<1'],
  },
  summaryTrendStats: ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'count'],
  teardownTimeout: TEARDOWN_TIMEOUT,
};

export function setup() {
  return openSale();
}

/** @param {import('./k6/sale.js').Sale} sale */
export default async function buy(sale) {
  const url = `${settings.baseUrl}/api/v1/sync/purchase`;
  const outcome = outcomeOf(await http.asyncRequest('POST', url, purchaseOf(sale), PURCHASE));
  answered[outcome].add(1);
  validAnswers.add(VALID.includes(outcome));
  await pause(profiles[exec.scenario.name]?.pauseMs ?? 0, outcome === 'none');
}

export function teardown() {
  return checkEnd();
}

/** @param {unknown} data */
export function handleSummary(data) {
  return summarize(data, {
    way: 'sync',
    file: 'results/load-test-sync.json',
    purchases: 'http_reqs{name:purchase}',
    counters: OUTCOMES.map((outcome) => `sync_${outcome}`),
    trends: ['http_req_duration{name:purchase}'],
  });
}

/**
 * @param {{ status: number, body: unknown }} response
 * @returns {typeof OUTCOMES[number]}
 */
function outcomeOf(response) {
  const answer = bodyOf(response);
  if (answer) watchStock(answer.remainingStock);
  switch (response.status) {
    case 0:
      return 'none';
    case 200:
      return isOutcome(answer) && answer?.success === true && answer.orderId ? 'bought' : 'wrong';
    case 409:
      if (!isOutcome(answer) || answer?.success !== false || answer.orderId !== null) return 'wrong';
      return answer.code === 'sold_out' ? 'sold_out' : 'refused';
    // A balancer's own answers among them.
    case 429:
    case 502:
    case 503:
    case 504:
      return answer?.code === 'outcome_unknown' ? 'unknown' : 'unavailable';
    default:
      return 'wrong';
  }
}

/** @param {Record<string, any> | null} answer */
function isOutcome(answer) {
  return (
    answer !== null &&
    answer.productId === settings.productId &&
    answer.quantity === 1 &&
    Number.isInteger(answer.remainingStock) &&
    answer.remainingStock >= 0
  );
}
