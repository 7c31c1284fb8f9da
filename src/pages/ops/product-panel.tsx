/** @jsxImportSource preact */
import type { Role } from '../../domain/operator.ts';
import { dayAndSecond, money, whole } from '../format.ts';
import { OPS } from '../text.ts';
import { ActButton } from './act-button.tsx';
import { ownZone } from './local-time.ts';
import type { Operation } from './operation-forms.ts';
import type { ProductOperations } from './product-operations.ts';
import { linkTo } from './route.ts';
import type { SaleProduct } from './shapes.ts';
import type { Tools } from './tools.ts';
import { UnitsBar } from './units-bar.tsx';

type Offer = readonly [label: string, make: (product: SaleProduct) => Operation, needs?: Role];

/** One product: its units, its terms, and what operators can do to it. */
export function ProductPanel({
  product,
  operations,
  tools: { forms, session, development },
}: {
  product: SaleProduct;
  operations: ProductOperations;
  tools: Tools;
}) {
  const { productId, name, state, paused } = product;
  const { buttons } = OPS.operations;
  const offered: readonly Offer[] = [
    [buttons.change, operations.change],
    [buttons.addUnits, operations.addUnits],
    ...(state === 'not_open' || state === 'closed' ? [[buttons.open, operations.open] as const] : []),
    paused ? [buttons.resume, operations.resume] : [buttons.pause, operations.pause],
    ...(state === 'closed' ? [] : [[buttons.close, operations.close] as const]),
    [buttons.reset, operations.reset, 'admin'],
  ];
  return (
    <article class="panel">
      <h3>
        {name} <span class={`state ${state}`}>{OPS.state[state]}</span>
      </h3>
      <UnitsBar units={product} />
      <p class="actions">
        {offered.map(([label, make, needs = 'operator']) => (
          <ActButton key={label} session={session} needs={needs} onAct={() => forms.ask(make(product))}>
            {label} …
          </ActButton>
        ))}
      </p>
      <dl class="facts">
        {factsOf(product).map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p class="actions links">
        <a href={`/p/${productId}`}>{OPS.products.inShop}</a>
        <a href={linkTo('orders', { product: String(productId) })}>{OPS.products.orders}</a>
        <a href={linkTo('live', { product: String(productId) })}>{OPS.products.charts}</a>
        {development && <a href={linkTo('crowd', { product: String(productId) })}>{OPS.products.crowd}</a>}
      </p>
    </article>
  );
}

function factsOf(product: SaleProduct): [string, string][] {
  const { productId, priceMinor, currency, opensAt, closesAt, perCustomerLimit, customerRequired } = product;
  const { holdSeconds, generation, version, description, imageUrl } = product;
  const words = OPS.product;
  const time = (iso: string | null) => (iso === null ? words.noTime : `${dayAndSecond(iso)} (${ownZone()})`);
  return [
    [words.id, String(productId)],
    [words.price, money(priceMinor, currency)],
    [words.opensAt, time(opensAt)],
    [words.closesAt, time(closesAt)],
    [words.perCustomerLimit, perCustomerLimit === null ? words.none : whole(perCustomerLimit)],
    [words.customerRequired, customerRequired ? words.yes : words.no],
    [words.holdSeconds, words.seconds(holdSeconds)],
    [words.description, description ?? words.none],
    [words.imageUrl, imageUrl ?? words.none],
    [words.generation, whole(generation)],
    [words.version, whole(version)],
  ];
}
