/** @jsxImportSource preact */
import { timeOfDay } from '../format.ts';
import type { Order, OrderStatus } from '../shapes.ts';
import { ORDER } from '../text.ts';

interface Step {
  readonly name: string;
  readonly state: 'done' | 'now' | 'later' | 'bad';
  readonly at: string | null;
}

/** An order's life as steps, with the time of each that is known. */
export function OrderSteps({ order, isQueued }: { order: Order; isQueued: boolean }) {
  return (
    <section aria-labelledby="steps">
      <h2 id="steps" class="unseen">
        {ORDER.progress}
      </h2>
      <ol class="steps">
        {stepsOf(order, isQueued).map(({ name, state, at }) => (
          <li key={name} class={state} aria-current={state === 'now' ? 'step' : undefined}>
            <span>{name}</span>
            <span class="quiet">{at ? <time dateTime={at}>{timeOfDay(at)}</time> : ORDER.when[state]}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

const UNPAID_ENDS: readonly OrderStatus[] = ['declined', 'expired', 'cancelled'];
const PAID_ONCE: readonly OrderStatus[] = ['paid', 'refunding', 'refunded'];

/** The steps that were taken, the one that is under way, and those that are hoped for. */
export function stepsOf(order: Order, isQueued: boolean): Step[] {
  const { orderId, status, createdAt = null, updatedAt = null, payments = [] } = order;
  const steps: Step[] = [];
  const add = (name: string, state: Step['state'], at: string | null) => steps.push({ name, state, at });
  const isPending = status === 'pending';
  if (isQueued) add(ORDER.steps.queued, isPending ? 'now' : 'done', timeIn(orderId));
  if (status === 'rejected' || status === 'failed') {
    add(ORDER.status[status], 'bad', updatedAt);
    return steps;
  }
  add(
    ORDER.steps.decided,
    isPending
      ? isQueued
        ? 'later'
        : 'now'
      : status === 'reserved' && payments.length === 0
        ? 'now'
        : 'done',
    createdAt,
  );
  const asked = payments.at(-1);
  const wasPaid = PAID_ONCE.includes(status);
  if (asked || !UNPAID_ENDS.includes(status)) {
    const state = status === 'charging' ? 'now' : asked ? 'done' : 'later';
    add(ORDER.steps.charged, state, asked?.createdAt ?? null);
  }
  if (UNPAID_ENDS.includes(status)) add(ORDER.status[status], 'bad', updatedAt);
  else if (!wasPaid) add(ORDER.steps.paid, 'later', null);
  else add(ORDER.steps.paid, 'done', status === 'paid' ? updatedAt : null);
  if (status === 'refunding') add(ORDER.status.refunding, 'now', updatedAt);
  if (status === 'refunded') add(ORDER.status.refunded, 'done', updatedAt);
  return steps;
}

/** When the purchase arrived: ids begin with their time (UUIDv7, RFC 9562, 5.7). Null for what is no such id. */
function timeIn(orderId: string): string | null {
  const ms = Number.parseInt(orderId.replaceAll('-', '').slice(0, 12), 16);
  return Number.isSafeInteger(ms) && ms > 0 ? new Date(ms).toISOString() : null;
}
