/** @jsxImportSource preact */
import { useComputed } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { dayAndTime, money, whole } from '../format.ts';
import { OPS } from '../text.ts';
import { ActButton } from './act-button.tsx';
import { createProductOperations } from './product-operations.ts';
import { ProductPanel } from './product-panel.tsx';
import { here, linkTo } from './route.ts';
import { ScrollArea } from './scroll-area.tsx';
import type { SaleProduct } from './shapes.ts';
import type { Tools } from './tools.ts';

const READ_EVERY_MS = 3_000;

/** All products, or one of them with what can be done to it. */
export function Products({ tools }: { tools: Tools }) {
  const { catalog, session, forms } = tools;
  const operations = useMemo(() => createProductOperations(session, catalog), [session, catalog]);
  useEffect(() => {
    void catalog.read();
    const reading = setInterval(() => document.hidden || void catalog.read(), READ_EVERY_MS);
    return () => clearInterval(reading);
  }, [catalog]);
  const products = useFreshUnits(tools).value;
  const { id } = here.value;
  if (catalog.trouble.value !== null && products === null)
    return <p class="bad">{OPS.trouble(catalog.trouble.value)}</p>;
  if (products === null) return <p class="quiet">{OPS.reading}</p>;
  const chosen = products.find(({ productId }) => String(productId) === id);
  if (id !== null) {
    return (
      <>
        <p>
          <a href={linkTo('products')}>{OPS.products.back}</a>
        </p>
        {chosen ? (
          <ProductPanel product={chosen} operations={operations} tools={tools} />
        ) : (
          <p>{OPS.products.noSuch(id)}</p>
        )}
      </>
    );
  }
  return (
    <>
      <p class="actions">
        <ActButton
          session={session}
          needs="operator"
          kind="strong"
          onAct={() => forms.ask(operations.create())}
        >
          {OPS.products.create}
        </ActButton>
      </p>
      <Table products={products} />
      {catalog.isCut.value && <p class="quiet">{OPS.products.cut(products.length)}</p>}
    </>
  );
}

/**
 * Units come with the figures of each second, everything else with the list. What is changed is what the list has: only that is of one
 * version.
 */
function useFreshUnits({ catalog, feed }: Tools) {
  return useComputed(() => {
    const units = new Map(feed.rates.value?.units?.map((one) => [one.productId, one]));
    return (
      catalog.products.value?.map(
        (product): SaleProduct => ({ ...product, ...units.get(product.productId) }),
      ) ?? null
    );
  });
}

function Table({ products }: { products: readonly SaleProduct[] }) {
  const { columns } = OPS.products;
  return (
    <ScrollArea name={OPS.charts.tableOf(OPS.sections.products)}>
      <table class="hover stacked of-products">
        <thead>
          <tr>
            <th scope="col" class="number">
              {columns.id}
            </th>
            <th scope="col">{columns.name}</th>
            <th scope="col">{columns.state}</th>
            <th scope="col" class="number">
              {columns.price}
            </th>
            <th scope="col" class="number">
              {OPS.units.sold}
            </th>
            <th scope="col" class="number">
              {OPS.units.reserved}
            </th>
            <th scope="col" class="number">
              {OPS.units.available}
            </th>
            <th scope="col" class="number">
              {OPS.units.total}
            </th>
            <th scope="col">{columns.window}</th>
          </tr>
        </thead>
        <tbody>
          {products.map((product) => (
            <Row key={product.productId} product={product} />
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}

function Row({ product }: { product: SaleProduct }) {
  const {
    productId,
    name,
    state,
    priceMinor,
    currency,
    sold,
    reserved,
    available,
    total,
    opensAt,
    closesAt,
  } = product;
  const { columns } = OPS.products;
  return (
    <tr>
      <td class="number quiet" data-label={columns.id}>
        {productId}
      </td>
      <th scope="row">
        <a href={linkTo('products', {}, productId)}>{name}</a>
      </th>
      <td>
        <span class={`state ${state}`}>{OPS.state[state]}</span>
      </td>
      <td class="number" data-label={columns.price}>
        {money(priceMinor, currency)}
      </td>
      <td class="number" data-label={OPS.units.sold}>
        {whole(sold)}
      </td>
      <td class="number" data-label={OPS.units.reserved}>
        {whole(reserved)}
      </td>
      <td class="number" data-label={OPS.units.available}>
        {whole(available)}
      </td>
      <td class="number" data-label={OPS.units.total}>
        {whole(total)}
      </td>
      <td class="quiet" data-label={columns.window}>
        {opensAt === null && closesAt === null
          ? OPS.products.always
          : `${opensAt === null ? '' : dayAndTime(opensAt)} – ${closesAt === null ? '' : dayAndTime(closesAt)}`}
      </td>
    </tr>
  );
}
