/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { SentPurchase } from '../client/browser-store.ts';
import type { Live } from '../client/live.ts';
import type { Purchase } from '../client/purchase.ts';
import { duration } from '../format.ts';
import type { OrderStatus } from '../shapes.ts';
import { BUY, ORDER } from '../text.ts';
import { useOrder } from './use-order.ts';

/** What became of the click, said once to those who listen, and followed to its end. */
export function PurchaseResult({
  now,
  live,
  onAskAgain,
  onGiveUp,
}: {
  now: Purchase;
  live: Live;
  onAskAgain: (sent: SentPurchase) => void;
  onGiveUp: () => void;
}) {
  return (
    <div class="result" role="status">
      {now.state === 'waiting' && now.tries > 1 && <p>{BUY.waitingLong(now.tries)}</p>}
      {now.state === 'refused' && (
        <p class="bad">
          {BUY.refusals[now.code] ?? now.message} <span class="quiet">{BUY.took(duration(now.tookMs))}</span>
        </p>
      )}
      {(now.state === 'bought' || now.state === 'queued') && (
        <Got
          key={now.orderId}
          orderId={now.orderId}
          tookMs={now.tookMs}
          isQueued={now.state === 'queued'}
          live={live}
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
  );
}

function Got({
  orderId,
  tookMs,
  isQueued,
  live,
}: {
  orderId: string;
  tookMs: number;
  isQueued: boolean;
  live: Live;
}) {
  const order = useOrder({ orderId, status: isQueued ? 'pending' : 'reserved' }, live);
  const status: OrderStatus = order.value.status;
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
          {status === 'pending'
            ? BUY.queued
            : isLost
              ? (BUY.refusals[order.value.code ?? ''] ?? ORDER.status[status])
              : ORDER.status[status]}
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
