/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { SentPurchase } from '../client/browser-store.ts';
import type { Live } from '../client/live.ts';
import type { Purchase } from '../client/purchase.ts';
import { duration } from '../format.ts';
import { isUnpaid, type Order } from '../shapes.ts';
import { BUY, statusOf } from '../text.ts';
import { Pay } from './pay.tsx';
import { useOrder } from './use-order.ts';

/** What became of the click, said once to those who listen, and followed to its end. */
export function PurchaseResult({
  now,
  live,
  buyersPay,
  onAskAgain,
  onGiveUp,
}: {
  now: Purchase;
  live: Live;
  buyersPay: boolean;
  onAskAgain: (sent: SentPurchase) => void;
  onGiveUp: () => void;
}) {
  const got = useSignal<Order | null>(null);
  const boughtId = now.state === 'bought' || now.state === 'queued' ? now.orderId : null;
  const toPay = buyersPay && got.value?.orderId === boughtId && isUnpaid(got.value) ? got.value : null;
  return (
    <>
      <div class="result" role="status">
        {now.state === 'waiting' && now.tries > 1 && <p>{BUY.waitingLong(now.tries)}</p>}
        {now.state === 'refused' && (
          <p class="bad">
            {BUY.refusals[now.code] ?? now.message}{' '}
            <span class="quiet">{BUY.took(duration(now.tookMs))}</span>
          </p>
        )}
        {(now.state === 'bought' || now.state === 'queued') && (
          <Got
            key={now.orderId}
            orderId={now.orderId}
            tookMs={now.tookMs}
            isQueued={now.state === 'queued'}
            live={live}
            buyersPay={buyersPay}
            onOrder={(order) => {
              got.value = order;
            }}
          />
        )}
        {now.state === 'unknown' && (
          <>
            <p class="bad">{BUY.unknown}</p>
            <p class="actions">
              <button type="button" onClick={() => onAskAgain(now.sent)}>
                {BUY.again}
              </button>
              {now.orderId && <a href={`/o/${now.orderId}`}>{BUY.toOrder}</a>}
              {now.orderId === null && (
                <button type="button" onClick={onGiveUp}>
                  {BUY.forget}
                </button>
              )}
            </p>
          </>
        )}
      </div>
      {/* Not in the part that is read out at each change: it has a clock in it. */}
      {toPay && <Pay key={toPay.orderId} order={toPay} live={live} />}
    </>
  );
}

function Got({
  orderId,
  tookMs,
  isQueued,
  live,
  buyersPay,
  onOrder,
}: {
  orderId: string;
  tookMs: number;
  isQueued: boolean;
  live: Live;
  buyersPay: boolean;
  onOrder: (order: Order) => void;
}) {
  const order = useOrder({ orderId, status: isQueued ? 'pending' : 'reserved' }, live);
  const { status } = order.value;
  const { name } = statusOf(order.value, buyersPay);
  useEffect(() => onOrder(order.value), [order.value]);
  const outcomeMs = useSignal<number | null>(null);
  const startedMs = useSignal(0);
  useEffect(() => {
    startedMs.value = performance.now() - tookMs;
  }, []);
  const isDecided = status !== 'pending';
  useEffect(() => {
    if (isQueued && isDecided) outcomeMs.value = performance.now() - startedMs.value;
  }, [isDecided]);
  const isLost = status === 'rejected' || status === 'failed';
  return (
    <>
      <p class={isLost ? 'bad' : 'good'}>
        <strong>
          {status === 'pending' ? BUY.queued : isLost ? (BUY.refusals[order.value.code ?? ''] ?? name) : name}
        </strong>{' '}
        <span class="quiet">
          {outcomeMs.value === null
            ? BUY.took(duration(tookMs))
            : BUY.tookOutcome(duration(tookMs), duration(outcomeMs.value))}
        </span>
      </p>
      <p>
        <a href={isQueued ? `/t/${orderId}` : `/o/${orderId}`}>{BUY.toOrder}</a>
      </p>
    </>
  );
}
