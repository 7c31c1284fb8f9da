/**
 * The async way under load: buyers who get a tracking id, some of whom are followed to their outcome. For k6 1.0 and newer;
 * docs/measuring/k6.md tells more.
 *
 *   k6 run -e BASE_URL=http://localhost:8080 tests/load-test-async.js
 */
import exec from 'k6/execution';
import http from 'k6/http';
import { Rate, Trend } from 'k6/metrics';
import { bodyOf, call, pause } from './k6/api.js';
import { checkEnd, TEARDOWN_TIMEOUT } from './k6/end-check.js';
import { countersOf, openSale, PURCHASE, purchaseOf, watchStock } from './k6/sale.js';
import { scenariosOf } from './k6/scenarios.js';
import { settings } from './k6/settings.js';
import { summarize } from './k6/summary.js';

/** What can come of handing a purchase in; `none` is a request without an answer. */
const OUTCOMES = /** @type {const} */ (['accepted', 'unavailable', 'unknown', 'wrong', 'none']);
/** What becomes of a purchase that is followed; `undecided` after FOLLOW_DEADLINE_MS. */
const DECISIONS = /** @type {const} */ (['confirmed', 'rejected', 'failed', 'undecided']);
/** Longer than any backlog takes that the scenarios make on a working server. */
const FOLLOW_DEADLINE_MS = 30000;

const { 'async-ramp': ramp, 'async-burst': burst } = JSON.parse(open('../bench/profiles.json'));
/** @type {Record<string, import('./k6/scenarios.js').ClosedProfile>} */
const profiles = { 'async-ramp': ramp, 'async-burst': burst };

const answered = countersOf('async', OUTCOMES);
const decided = countersOf('followed', DECISIONS);
const accepted = new Rate('accepted');
/** From the moment the purchase was sent until its outcome was heard. */
const timeToOutcome = new Trend('time_to_outcome', true);

http.setResponseCallback(http.expectedStatuses(200, 202));

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: scenariosOf(profiles, settings),
  thresholds: {
    'http_req_duration{name:purchase}': ['p(95)<500'],
    'http_req_failed{name:purchase}': ['rate<0.01'],
    'http_reqs{name:purchase}': ['count>0'],
    accepted: ['rate>0.99'],
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
export default async function handIn(sale) {
  const sentAtMs = Date.now();
  const url = `${settings.baseUrl}/api/v1/async/purchase`;
  const response = await http.asyncRequest('POST', url, purchaseOf(sale), PURCHASE);
  const outcome = outcomeOf(response);
  answered[outcome].add(1);
  accepted.add(outcome === 'accepted');
  if (outcome === 'accepted' && exec.scenario.iterationInTest % settings.followEvery === 0)
    await follow(bodyOf(response)?.trackingId, sentAtMs);
  await pause(profiles[exec.scenario.name]?.pauseMs ?? 0, outcome === 'none');
}

export function teardown() {
  return checkEnd();
}

/** @param {unknown} data */
export function handleSummary(data) {
  return summarize(data, {
    way: 'async',
    file: 'results/load-test-async.json',
    purchases: 'http_reqs{name:purchase}',
    counters: [
      ...OUTCOMES.map((outcome) => `async_${outcome}`),
      ...DECISIONS.map((decision) => `followed_${decision}`),
    ],
    trends: ['http_req_duration{name:purchase}', 'time_to_outcome'],
  });
}

/**
 * Waits for the purchase's outcome, as a buyer would, and looks at the stock.
 * @param {string} trackingId
 * @param {number} sentAtMs
 */
async function follow(trackingId, sentAtMs) {
  for (;;) {
    const answer = bodyOf(await call('GET', `/api/v1/async/purchase/${trackingId}?wait=10s`, 'outcome'));
    const tookMs = Date.now() - sentAtMs;
    const status = answer?.status;
    if (status === 'confirmed' || status === 'rejected' || status === 'failed') {
      decided[/** @type {'confirmed' | 'rejected' | 'failed'} */ (status)].add(1);
      timeToOutcome.add(tookMs);
      break;
    }
    if (tookMs > FOLLOW_DEADLINE_MS) {
      decided.undecided.add(1);
      break;
    }
    // A wait that ends at once, because the server does not answer, is not repeated at once.
    if (status !== 'queued') await pause(0, true);
  }
  const stock = bodyOf(await call('GET', `/api/v1/sync/stock/${settings.productId}`, 'stock'));
  if (stock) watchStock(stock.stock);
}

/**
 * @param {{ status: number, body: unknown }} response
 * @returns {typeof OUTCOMES[number]}
 */
function outcomeOf(response) {
  const answer = bodyOf(response);
  switch (response.status) {
    case 0:
      return 'none';
    case 202:
      return answer?.accepted === true && answer.trackingId && answer.productId === settings.productId
        ? 'accepted'
        : 'wrong';
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
