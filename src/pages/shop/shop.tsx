/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { createLiveView } from '../client/live.ts';
import type { DataOf, PageData, StockNow } from '../shapes.ts';
import { Shell } from '../shell.tsx';
import { MISSING, SHELL } from '../text.ts';
import { OrderPage } from './order-page.tsx';
import { OrdersPage } from './orders-page.tsx';
import { ProductPage } from './product-page.tsx';
import { SalesPage } from './sales-page.tsx';

export type ShopData = Exclude<PageData, { page: 'ops' }>;

/** A page of the storefront: as HTML on the server, and alive in the browser. */
export function Shop({ data }: { data: ShopData }) {
  const live = useMemo(() => createLiveView(data.serverTime, stocksOf(data)), [data]);
  const isAlive = useSignal(false);
  useEffect(() => {
    isAlive.value = true;
    return live.connect();
  }, [live]);
  const isLive = stocksOf(data).length > 0;
  const current = data.page === 'sales' || data.page === 'orders' ? data.page : null;
  return (
    <Shell current={current} development={data.development} connection={isLive ? live.connection : undefined}>
      <Page data={data} live={live} />
      {/* No `noscript`: a script may also be blocked, or not arrive. */}
      {!isAlive.value && (
        <p class="note">
          {SHELL.noScript}
          <a href="/docs">/docs</a>.
        </p>
      )}
    </Shell>
  );
}

function Page({ data, live }: { data: ShopData; live: ReturnType<typeof createLiveView> }) {
  switch (data.page) {
    case 'sales':
      return <SalesPage data={data} live={live} />;
    case 'product':
      return <ProductPage data={data} live={live} />;
    case 'order':
      return <OrderPage data={data} live={live} />;
    case 'orders':
      return <OrdersPage data={data} live={live} />;
    case 'missing':
      return <Missing data={data} />;
  }
}

function Missing({ data }: { data: DataOf<'missing'> }) {
  const { heading, says } = MISSING[data.what];
  return (
    <section class="narrow">
      <h1>{heading}</h1>
      <p>{says}</p>
      <p>
        <a href="/">{SHELL.sales}</a>
      </p>
    </section>
  );
}

function stocksOf(data: ShopData): readonly StockNow[] {
  if (data.page === 'sales') return data.products;
  if (data.page === 'product' || data.page === 'order') return data.product ? [data.product] : [];
  return [];
}
