import { check } from 'k6';
import { Gauge } from 'k6/metrics';
import { bodyOf, call, pause, told } from './api.js';
import { watchStock } from './sale.js';
import { settings } from './settings.js';

/** Queued purchases are decided within seconds; a worker that needs longer than this has stopped. */
const DRAIN_DEADLINE_MS = 60000;
/** One audit runs at a time, and another one may take two minutes. */
const AUDIT_DEADLINE_MS = 120000;
const LOOK_EVERY_MS = 500;

const stockLeft = new Gauge('stock_left');

/** How long `teardown` may take: both deadlines and the audit itself. */
export const TEARDOWN_TIMEOUT = '6m';

/**
 * After the load: every accepted purchase is decided, no unit was sold twice, and, where a token lets us look into the
 * books, the orders equal the units sold. What does not hold is told in a line, and fails the threshold of `checks{phase:end}`.
 */
export async function checkEnd() {
  const { productId, operatorToken } = settings;
  const { isEmpty, figures: waiting } = await drain();
  verify('accepted purchases are decided', isEmpty, waiting);

  const product = await call('GET', `/api/v1/products/${productId}`);
  const { total, available, reserved, sold } = bodyOf(product) || {};
  const figures = product.status === 200 ? `${total} = ${sold} + ${reserved} + ${available}` : told(product);
  verify('stock is not negative', available >= 0, figures);
  verify('total = sold + reserved + available', total === sold + reserved + available, figures);
  if (Number.isInteger(available)) {
    watchStock(available);
    stockLeft.add(available);
  }
  if (operatorToken) await checkBooks();
}

async function checkBooks() {
  const answer = await audit();
  /** @type {{ name: string, pass: boolean, detail: string }[]} */
  const verdicts = bodyOf(answer)?.verdicts ?? [];
  const broken = verdicts.filter(({ pass }) => !pass).map(({ name, detail }) => `${name}: ${detail}`);
  const balances = answer.status === 200 && verdicts.length > 0 && broken.length === 0;
  verify('the books balance', balances, answer.status === 200 ? broken.join('; ') : told(answer));
  const counted = verdicts.find(({ name }) => name === 'counters equal the orders behind them');
  verify('orders equal units sold', counted?.pass === true, counted ? counted.detail : told(answer));
}

async function audit() {
  const endMs = Date.now() + AUDIT_DEADLINE_MS;
  for (;;) {
    const answer = await call('POST', '/api/v1/ops/audit', 'check', { reason: 'the end of a k6 run' });
    if (answer.status !== 409 || Date.now() > endMs) return answer;
    await pause(LOOK_EVERY_MS);
  }
}

/** Waits until no accepted purchase is waiting for its outcome; answers what it saw last. */
async function drain() {
  const endMs = Date.now() + DRAIN_DEADLINE_MS;
  for (;;) {
    const answer = await call('GET', '/api/v1/async/queue/status');
    const { purchases } = bodyOf(answer) || {};
    if (!purchases) return { isEmpty: false, figures: told(answer) };
    const isEmpty = purchases.waiting === 0;
    if (isEmpty || Date.now() > endMs) return { isEmpty, figures: `${purchases.waiting} are waiting` };
    await pause(LOOK_EVERY_MS);
  }
}

/**
 * @param {string} name
 * @param {boolean} holds
 * @param {string} figures
 */
function verify(name, holds, figures) {
  if (!holds) console.error(`end check: not so: ${name} (${figures})`);
  check(holds, { [name]: (value) => value }, { phase: 'end' });
}
