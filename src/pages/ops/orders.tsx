/** @jsxImportSource preact */
import { dayAndSecond, money, whole } from '../format.ts';
import type { OrderStatus } from '../shapes.ts';
import { OPS, ORDER } from '../text.ts';
import { ActButton } from './act-button.tsx';
import { OrderExport } from './order-export.tsx';
import { OrderFilter } from './order-filter.tsx';
import { cancelOrder, refundOrder } from './order-operations.ts';
import { filterIn, findOrders } from './order-search.ts';
import { here, linkTo } from './route.ts';
import { ScrollArea } from './scroll-area.tsx';
import type { FoundOrder } from './shapes.ts';
import type { Tools } from './tools.ts';
import { useReading } from './use-reading.ts';

/** Orders as operators look for them. What is looked for stands in the address. */
export function Orders({ tools }: { tools: Tools }) {
  const filter = filterIn(here.value.query);
  const found = useReading(() => findOrders(tools.session, filter), JSON.stringify(filter));
  const page = found.body.value;
  return (
    <>
      <OrderFilter tools={tools} filter={filter} />
      <div role="status">
        {found.trouble.value && <p class="bad">{found.trouble.value}</p>}
        {page && page.orders.length === 0 && (
          <p>{page.next === null ? OPS.orders.none : OPS.orders.noneYet}</p>
        )}
      </div>
      {page && page.orders.length > 0 && (
        <Table orders={page.orders} tools={tools} onChange={() => found.again()} />
      )}
      <p class="actions">
        {filter.before !== '' && (
          <a href={linkTo('orders', { ...filter, before: '' })}>{OPS.orders.newest}</a>
        )}
        {page?.next && <a href={linkTo('orders', { ...filter, before: page.next })}>{OPS.orders.older}</a>}
      </p>
      {filter.id === '' && (page || found.trouble.value) && (
        <OrderExport session={tools.session} filter={filter} />
      )}
    </>
  );
}

function Table({
  orders,
  tools,
  onChange,
}: {
  orders: readonly FoundOrder[];
  tools: Tools;
  onChange: () => void;
}) {
  const { columns } = OPS.orders;
  return (
    <ScrollArea name={OPS.charts.tableOf(OPS.sections.orders)}>
      <table class="hover stacked of-orders">
        <thead>
          <tr>
            <th scope="col">{columns.order}</th>
            <th scope="col">{columns.status}</th>
            <th scope="col">{columns.product}</th>
            <th scope="col">{columns.customer}</th>
            <th scope="col" class="number">
              {columns.quantity}
            </th>
            <th scope="col" class="number">
              {columns.amount}
            </th>
            <th scope="col">{columns.way}</th>
            <th scope="col">{columns.at}</th>
            <th scope="col" class="acts">
              {columns.actions}
            </th>
          </tr>
        </thead>
        <tbody>
          {orders.map((order) => (
            <Row key={order.orderId} order={order} tools={tools} onChange={onChange} />
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}

function Row({ order, tools, onChange }: { order: FoundOrder; tools: Tools; onChange: () => void }) {
  const { orderId, status, productId, customer, quantity, number, amountMinor, currency, channel } = order;
  const { forms, session, catalog } = tools;
  const called = number === undefined ? orderId.slice(0, 8) : whole(number);
  const { columns } = OPS.orders;
  return (
    <tr>
      <th scope="row">
        <a href={`/o/${orderId}`} title={orderId}>
          {OPS.orders.number(called)}
        </a>
      </th>
      <td>{ORDER.status[status as OrderStatus] ?? status}</td>
      <td data-label={columns.product}>
        <a href={linkTo('products', {}, productId)}>{catalog.nameOf(productId)}</a>
      </td>
      <td data-label={columns.customer}>{customer ?? <span class="quiet">{OPS.orders.anonymous}</span>}</td>
      <td class="number" data-label={columns.quantity}>
        {whole(quantity)}
      </td>
      <td class="number" data-label={columns.amount}>
        {money(amountMinor, currency)}
      </td>
      <td class="quiet" data-label={columns.way}>
        {channel}
      </td>
      <td class="quiet" data-label={columns.at}>
        {dayAndSecond(order.createdAt)}
      </td>
      <td class="acts">
        {status === 'paid' && (
          <ActButton
            session={session}
            needs="operator"
            kind="small"
            onAct={() => forms.ask(refundOrder(session, order, called, onChange))}
          >
            {OPS.orders.refund}
            <span class="unseen"> {OPS.orders.number(called)}</span> …
          </ActButton>
        )}
        {status === 'reserved' && (
          <ActButton
            session={session}
            needs="operator"
            kind="small"
            onAct={() => forms.ask(cancelOrder(session, order, called, onChange))}
          >
            {OPS.orders.cancel}
            <span class="unseen"> {OPS.orders.number(called)}</span> …
          </ActButton>
        )}
      </td>
    </tr>
  );
}
