/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import {
  customer,
  keepOrder,
  keepSentPurchase,
  randomText,
  type SentPurchase,
  sentPurchase,
  setWay,
  type Way,
  way,
} from '../client/browser-store.ts';
import type { Live } from '../client/live.ts';
import { type Purchase, purchase } from '../client/purchase.ts';
import { haveSession } from '../client/session.ts';
import { money, remaining, whole } from '../format.ts';
import type { Product } from '../shapes.ts';
import { BUY } from '../text.ts';
import { PurchaseResult } from './purchase-result.tsx';

/** A quantity that a form offers at most; larger ones are for the API. */
const QUANTITY_SHOWN_MAX = 10;

/** The form that buys, honest about whether it can. */
export function BuyBox({
  product,
  live,
  hasSessions,
  buyersPay,
}: {
  product: Product;
  live: Live;
  hasSessions: boolean;
  buyersPay: boolean;
}) {
  const { productId, name, priceMinor, currency, perCustomerLimit } = product;
  const chosenWay = useSignal<Way>('sync');
  const quantity = useSignal(1);
  const now = useSignal<Purchase>({ state: 'idle' });
  /** A quantity that the customer's limit has refused. */
  const limitedFrom = useSignal(Number.POSITIVE_INFINITY);
  // A keyed purchase that was sent before this page was loaded goes on.
  useEffect(() => {
    chosenWay.value = way();
    if (hasSessions) void haveSession();
    const sent = sentPurchase(productId);
    if (sent) send(sent);
  }, []);

  function send(sent: SentPurchase): void {
    void purchase(productId, sent, (next) => {
      now.value = next;
      if (next.state === 'refused' && next.code === 'limit_reached') limitedFrom.value = sent.quantity;
      if (next.state !== 'bought' && next.state !== 'queued') return;
      keepOrder({
        orderId: next.orderId,
        productId,
        name,
        quantity: sent.quantity,
        at: new Date(live.clock.now()).toISOString(),
      });
      live.follow(next.orderId);
    });
  }

  function buy(): void {
    if (now.value.state === 'waiting' || blocked) return;
    send({
      key: randomText(16),
      way: chosenWay.value,
      quantity: quantity.value,
      ...(!hasSessions && { userId: customer() }),
      expectedPriceMinor: priceMinor,
    });
  }

  const blocked = quantity.value >= limitedFrom.value ? BUY.limitReached : blockedBecause(product, live);
  const { state } = now.value;
  const isWaiting = state === 'waiting';
  const max = Math.max(1, Math.min(QUANTITY_SHOWN_MAX, perCustomerLimit ?? QUANTITY_SHOWN_MAX));
  const amount = money(priceMinor * quantity.value, currency);
  return (
    <section class="buy" aria-labelledby="buy">
      <h2 id="buy" class="unseen">
        {BUY.heading}
      </h2>
      <div class="choice">
        <label for="quantity">{BUY.quantity}</label>
        <select
          id="quantity"
          value={quantity.value}
          onChange={(event) => {
            quantity.value = Number(event.currentTarget.value);
          }}
        >
          {Array.from({ length: max }, (_, i) => (
            <option key={i} value={i + 1}>
              {whole(i + 1)}
            </option>
          ))}
        </select>
        {perCustomerLimit !== null && <span class="quiet">{BUY.limit(perCustomerLimit)}</span>}
      </div>
      <fieldset class="ways">
        <legend>{BUY.way}</legend>
        {(['sync', 'async'] as const).map((one) => (
          <label key={one}>
            <input
              type="radio"
              name="way"
              value={one}
              checked={chosenWay.value === one}
              onChange={() => {
                chosenWay.value = one;
                setWay(one);
              }}
            />
            <span>
              <strong>{BUY.ways[one].name}</strong> {BUY.ways[one].says}
            </span>
          </label>
        ))}
      </fieldset>
      <button type="button" class="primary" aria-disabled={blocked !== null || isWaiting} onClick={buy}>
        {isWaiting ? BUY.waiting : (blocked ?? BUY.buy(amount))}
      </button>
      <PurchaseResult
        now={now.value}
        live={live}
        buyersPay={buyersPay}
        onAskAgain={(sent) => send(sent)}
        onGiveUp={() => {
          keepSentPurchase(productId, null);
          now.value = { state: 'idle' };
        }}
      />
    </section>
  );
}

/** What the button says while it cannot buy; null where it can. The clock is the server's, and so never ahead of the sale's. */
function blockedBecause({ state, opensAt, available }: Product, live: Live): string | null {
  if (state === 'not_open') {
    const leftMs = opensAt === null ? 0 : Date.parse(opensAt) - live.second.value;
    if (leftMs > 0) return BUY.opensIn(remaining(leftMs));
  }
  if (state === 'closed') return BUY.closed;
  if (state === 'paused') return BUY.paused;
  return available === 0 ? BUY.soldOut : null;
}
