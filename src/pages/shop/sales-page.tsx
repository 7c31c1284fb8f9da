/** @jsxImportSource preact */
import type { Live } from '../client/live.ts';
import { dayAndTime, money, remaining } from '../format.ts';
import type { DataOf, Product, SaleState } from '../shapes.ts';
import { BUY, SALES, STATES } from '../text.ts';
import { Picture } from './picture.tsx';
import { Units } from './units.tsx';

type GroupName = keyof typeof SALES.groups;

/** The sales: running, coming and over. */
export function SalesPage({ data: { products, more }, live }: { data: DataOf<'sales'>; live: Live }) {
  const now = products.map((product) => ({ ...product, ...live.stock(product.productId)?.value }));
  return (
    <>
      <h1>{SALES.heading}</h1>
      {now.length === 0 && <p>{SALES.none}</p>}
      {(Object.keys(SALES.groups) as GroupName[]).map((group) => {
        const members = now.filter(({ state }) => groupOf(state) === group);
        if (members.length === 0) return null;
        return (
          <section key={group} aria-labelledby={group}>
            <h2 id={group}>{SALES.groups[group]}</h2>
            <ul class="cards">
              {members.map((product) => (
                <Card key={product.productId} product={product} live={live} />
              ))}
            </ul>
          </section>
        );
      })}
      {more && <p class="quiet">{SALES.more}</p>}
    </>
  );
}

function Card({ product, live }: { product: Product; live: Live }) {
  const { productId, name, priceMinor, currency, state, opensAt } = product;
  return (
    <li class="card">
      <Picture product={product} />
      <div>
        <h3>
          <a href={`/p/${productId}`}>{name}</a>
        </h3>
        <p class="price">{money(priceMinor, currency)}</p>
        {state === 'not_open' && opensAt ? (
          <p class="opens">
            <strong>{BUY.opensIn(remaining(Date.parse(opensAt) - live.second.value))}</strong>
            <span class="quiet">
              <time dateTime={opensAt}>{dayAndTime(opensAt)}</time>
            </span>
          </p>
        ) : state === 'open' ? (
          <Units stock={product} />
        ) : (
          <p class="state">{STATES[state]}</p>
        )}
      </div>
    </li>
  );
}

function groupOf(state: SaleState): GroupName {
  if (state === 'not_open') return 'coming';
  return state === 'closed' ? 'over' : 'running';
}
