/** @jsxImportSource preact */
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Live } from '../client/live.ts';
import { money, remaining } from '../format.ts';
import type { Order } from '../shapes.ts';
import { ORDER, PAY } from '../text.ts';
import { usePayment } from './use-payment.ts';

/** Where the buyer pays an unpaid order while its hold runs. What is entered is Stripe's: it stays in a frame that this page cannot read. */
export function Pay({ order, live }: { order: Order; live: Live }) {
  const place = useRef<HTMLDivElement>(null);
  const section = useRef<HTMLElement>(null);
  const { stage, payment, trouble, leftMs, pay, goOn, again } = usePayment(order, place, live);
  const { amountMinor, currency } = order.amountMinor === undefined ? (payment.value ?? order) : order;
  const amount = amountMinor === undefined ? null : money(amountMinor, currency!);
  const now = stage.value;
  const isEnded = leftMs !== null && leftMs <= 0 && now !== 'paying' && now !== 'settling';
  const hasForm = !isEnded && now !== 'stuck' && now !== 'settling';
  const needsAction = payment.value?.status === 'action' && now === 'ready';
  // A form that goes takes the focus with it.
  useLayoutEffect(() => {
    if (!hasForm && section.current?.contains(document.activeElement)) section.current.focus();
  }, [hasForm]);
  if (now === 'not_needed') return null;
  return (
    <section class="pay" aria-labelledby="pay" tabIndex={-1} ref={section}>
      <h2 id="pay">{PAY.pay(amount)}</h2>
      {leftMs !== null && <p class="hold">{leftMs > 0 ? ORDER.hold(remaining(leftMs)) : ORDER.holdOver}</p>}
      <p class={trouble.value && !isEnded ? 'bad' : now === 'drawn' ? 'late' : undefined} role="status">
        {isEnded ? PAY.over : (trouble.value ?? (needsAction ? PAY.action : SAYS[now]))}
      </p>
      {!isEnded && now === 'stuck' && (
        <p class="actions">
          <button type="button" onClick={again}>
            {PAY.again}
          </button>
        </p>
      )}
      <form
        hidden={!hasForm}
        onSubmit={(event) => {
          event.preventDefault();
          void pay();
        }}
      >
        {needsAction && (
          <p class="actions">
            <button type="button" onClick={goOn}>
              {PAY.goOn}
            </button>
          </p>
        )}
        {/* Empty here: what stands in it is Stripe's. */}
        <div class="pay-form" ref={place} />
        <button type="submit" class="primary" aria-disabled={now !== 'ready'}>
          {PAY.pay(amount)}
        </button>
      </form>
    </section>
  );
}

const SAYS = {
  drawn: PAY.noScript,
  loading: PAY.loading,
  ready: PAY.ready,
  paying: PAY.paying,
  settling: PAY.settling,
  stuck: null,
};
