/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { call } from '../client/api.ts';
import { customer } from '../client/browser-store.ts';
import type { Live } from '../client/live.ts';
import { dayAndTime, money, remaining, whole } from '../format.ts';
import { type DataOf, isUnpaid, type Order } from '../shapes.ts';
import { ORDER, statusOf } from '../text.ts';
import { OrderSteps } from './order-steps.tsx';
import { Pay } from './pay.tsx';
import { Payments } from './payments.tsx';
import { readOrder, useOrder } from './use-order.ts';

/** The payment company may have to be asked first. */
const CANCEL_TIMEOUT_MS = 15_000;

/** An order, or a queued purchase on its way to one: its life, its hold, its payments. */
export function OrderPage({
  data: { order: first, product, kind, hasSessions, buyersPay },
  live,
}: {
  data: DataOf<'order'>;
  live: Live;
}) {
  const followed = useOrder(first, live);
  const cancelled = useSignal<Order | null>(null);
  const order = newer(followed.value, cancelled.value);
  const { orderId, status, number, quantity, amountMinor, currency, channel, createdAt, payments, message } =
    order;
  const { name, says } = statusOf(order, buyersPay);
  const canPay = buyersPay && isUnpaid(order);
  return (
    <article class="narrow order">
      <h1>{ORDER.heading(number)}</h1>
      <p class={`status ${toneOf(order)}`} role="status">
        <strong>{name}</strong> {message ?? says}
      </p>
      {canPay ? <Pay order={order} live={live} /> : <Hold order={order} live={live} />}
      <OrderSteps order={order} isQueued={kind === 'tracking' || channel === 'async'} />
      <dl class="facts">
        <Fact name={ORDER.id[kind]}>
          <code>{orderId}</code>
        </Fact>
        {product && (
          <Fact name={ORDER.facts.product}>
            <a href={`/p/${product.productId}`}>{product.name}</a>
          </Fact>
        )}
        {quantity !== undefined && <Fact name={ORDER.facts.quantity}>{whole(quantity)}</Fact>}
        {amountMinor !== undefined && <Fact name={ORDER.facts.amount}>{money(amountMinor, currency!)}</Fact>}
        {channel && <Fact name={ORDER.facts.way}>{ORDER.bought[channel]}</Fact>}
        {createdAt && (
          <Fact name={ORDER.facts.at}>
            <time dateTime={createdAt}>{dayAndTime(createdAt)}</time>
          </Fact>
        )}
      </dl>
      {(status === 'reserved' || canPay) && (
        <Cancel
          orderId={orderId}
          hasSessions={hasSessions}
          onDone={(ended) => {
            cancelled.value = ended;
          }}
        />
      )}
      {/* Last: it grows while the page is open. */}
      {payments && <Payments payments={payments} />}
    </article>
  );
}

function Hold({ order, live }: { order: Order; live: Live }) {
  const { expiresAt } = order;
  if (!isUnpaid(order) || !expiresAt) return null;
  const leftMs = Date.parse(expiresAt) - live.second.value;
  return <p class="hold">{leftMs > 0 ? ORDER.hold(remaining(leftMs)) : ORDER.holdOver}</p>;
}

function Cancel({
  orderId,
  hasSessions,
  onDone,
}: {
  orderId: string;
  hasSessions: boolean;
  onDone: (order: Order) => void;
}) {
  const isBusy = useSignal(false);
  const trouble = useSignal<string | null>(null);

  async function cancel(): Promise<void> {
    if (isBusy.value) return;
    isBusy.value = true;
    const answer = await call<Order>(`/api/v1/orders/${orderId}/cancel`, {
      method: 'POST',
      body: hasSessions ? {} : { userId: customer() },
      timeoutMs: CANCEL_TIMEOUT_MS,
    });
    const ended = answer.ok ? answer.body : await readOrder(orderId);
    if (!answer.ok) trouble.value = answer.message;
    if (ended) onDone(ended);
    isBusy.value = false;
  }

  return (
    <p class="actions">
      <button type="button" aria-disabled={isBusy.value} onClick={cancel}>
        {isBusy.value ? ORDER.cancelling : ORDER.cancel}
      </button>
      <span class="bad" role="status">
        {trouble.value}
      </span>
    </p>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function toneOf({ status }: Order): string {
  if (status === 'paid' || status === 'refunded') return 'good';
  return status === 'declined' || status === 'expired' || status === 'rejected' || status === 'failed'
    ? 'bad'
    : '';
}

function newer(one: Order, other: Order | null): Order {
  return other !== null && (other.updatedAt ?? '') > (one.updatedAt ?? '') ? other : one;
}
