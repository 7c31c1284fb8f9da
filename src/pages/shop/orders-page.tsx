/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { customer, type KeptOrder, keptOrders, setCustomer } from '../client/browser-store.ts';
import type { Live } from '../client/live.ts';
import { type OwnSession, readSession } from '../client/session.ts';
import { dayAndTime, whole } from '../format.ts';
import type { DataOf, Order } from '../shapes.ts';
import { ORDERS, statusOf } from '../text.ts';
import { readOrder } from './use-order.ts';

/** Orders that are read; older ones are listed and lead to their pages. */
const READ_MAX = 30;

/** What was bought with this browser, and the customer it buys as. */
export function OrdersPage({ data }: { data: DataOf<'orders'>; live: Live }) {
  const kept = useSignal<readonly KeptOrder[] | null>(null);
  useEffect(() => {
    kept.value = keptOrders();
  }, []);
  return (
    <section class="narrow">
      <h1>{ORDERS.heading}</h1>
      <p class="quiet">{ORDERS.about}</p>
      {/* All of it at once, so that nothing moves what is read already. */}
      {kept.value && (
        <>
          {kept.value.length === 0 && (
            <p>
              {ORDERS.none} <a href="/">{ORDERS.toSales}</a>
            </p>
          )}
          <ul class="rows">
            {kept.value.map((order, i) => (
              <Row key={order.orderId} order={order} isRead={i < READ_MAX} buyersPay={data.buyersPay} />
            ))}
          </ul>
          {data.hasSessions ? (
            <OwnCustomer />
          ) : (
            <Customer development={data.development} buyersPay={data.buyersPay} />
          )}
        </>
      )}
    </section>
  );
}

function Row({
  order: { orderId, name, quantity, at },
  isRead,
  buyersPay,
}: {
  order: KeptOrder;
  isRead: boolean;
  buyersPay: boolean;
}) {
  const order = useSignal<Order | null | undefined>(undefined);
  useEffect(() => {
    if (isRead)
      void readOrder(orderId).then((found) => {
        order.value = found;
      });
  }, [orderId]);
  const status =
    order.value === null ? ORDERS.gone : order.value ? statusOf(order.value, buyersPay).name : '';
  return (
    <li>
      <a href={`/o/${orderId}`}>
        {whole(quantity)} × {name}
      </a>
      <span class="quiet">
        <time dateTime={at}>{dayAndTime(at)}</time>
      </span>
      <span class="end">{status}</span>
    </li>
  );
}

/** Who the session says that this browser is. */
function OwnCustomer() {
  const session = useSignal<OwnSession | null>(null);
  useEffect(() => {
    void readSession().then((read) => {
      session.value = read;
    });
  }, []);
  if (session.value === null) return null;
  const { customer, guest } = session.value;
  return <p class="quiet">{guest ? ORDERS.asGuest : ORDERS.asCustomer(customer)}</p>;
}

function Customer({ development, buyersPay }: { development: boolean; buyersPay: boolean }) {
  const name = useSignal('');
  const said = useSignal('');
  useEffect(() => {
    name.value = customer();
  }, []);
  if (!development) return null;
  return (
    <form
      class="customer"
      onSubmit={(event) => {
        event.preventDefault();
        said.value = setCustomer(name.value) ? `${ORDERS.saved} ${customer()}.` : ORDERS.badCustomer;
      }}
    >
      <label for="customer">{ORDERS.customer}</label>
      <input
        id="customer"
        value={name.value}
        maxLength={64}
        autocomplete="off"
        spellcheck={false}
        aria-describedby="customer-about"
        onInput={(event) => {
          name.value = event.currentTarget.value;
        }}
      />
      <button type="submit">{ORDERS.save}</button>
      <p id="customer-about" class="quiet">
        {ORDERS.customerAbout}
        {!buyersPay && ORDERS.customerScripted}.
      </p>
      <p role="status">{said.value}</p>
    </form>
  );
}
