/** @jsxImportSource preact */
import type { Live } from '../client/live.ts';
import { dayAndTime, money } from '../format.ts';
import type { DataOf, Product } from '../shapes.ts';
import { STATES } from '../text.ts';
import { BuyBox } from './buy-box.tsx';
import { Picture } from './picture.tsx';
import { SaleNews } from './sale-news.tsx';
import { Units } from './units.tsx';

/** One product: what it is, what is left of it, and the way to buy it. */
export function ProductPage({ data, live }: { data: DataOf<'product'>; live: Live }) {
  const product: Product = { ...data.product, ...live.stock(data.product.productId)?.value };
  const { name, description, priceMinor, currency, state, closesAt } = product;
  return (
    <article class="product">
      <Picture product={product} eager />
      <div class="about">
        <p class="state" data-state={state}>
          {STATES[state]}
          {state === 'open' && closesAt && (
            <span class="quiet">
              {' until '}
              <time dateTime={closesAt}>{dayAndTime(closesAt)}</time>
            </span>
          )}
        </p>
        <h1>{name}</h1>
        <p class="price">{money(priceMinor, currency)}</p>
        {description && <p class="description">{description}</p>}
        <Units stock={product} />
        <SaleNews stock={product} />
        <BuyBox product={product} live={live} hasSessions={data.hasSessions} buyersPay={data.buyersPay} />
      </div>
    </article>
  );
}
