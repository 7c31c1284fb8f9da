/** @jsxImportSource preact */
import { SHOWN_STATUSES } from '../../domain/order.ts';
import { OPS, ORDER } from '../text.ts';
import { ownZone } from './local-time.ts';
import type { OrderFilter as Filter } from './order-search.ts';
import { goTo, linkTo } from './route.ts';
import type { Tools } from './tools.ts';

/** What to look for. */
export function OrderFilter({ tools: { catalog }, filter }: { tools: Tools; filter: Filter }) {
  const { fields } = OPS.orders;
  return (
    <form
      class="filter"
      // What was looked for fills the form anew when the address changes.
      key={JSON.stringify(filter)}
      onSubmit={(event) => {
        event.preventDefault();
        const values = new FormData(event.currentTarget);
        const given = [...values].map(([name, value]) => [name, String(value).trim()]);
        goTo(linkTo('orders', Object.fromEntries(given)));
      }}
    >
      <label>
        <span>{fields.id}</span>
        <input name="id" defaultValue={filter.id} autocomplete="off" spellcheck={false} />
      </label>
      <label>
        <span>{fields.customer}</span>
        <input name="customer" defaultValue={filter.customer} maxLength={64} autocomplete="off" />
      </label>
      <label>
        <span>{fields.status}</span>
        <select name="status">
          <option value="">{OPS.orders.any}</option>
          {SHOWN_STATUSES.map((one) => (
            <option key={one} value={one} selected={one === filter.status}>
              {ORDER.status[one]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{fields.product}</span>
        <select name="product">
          <option value="">{OPS.orders.any}</option>
          {(catalog.products.value ?? []).map(({ productId, name }) => (
            <option key={productId} value={productId} selected={String(productId) === filter.product}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{fields.from}</span>
        <input name="from" type="datetime-local" defaultValue={filter.from} title={ownZone()} />
      </label>
      <label>
        <span>{fields.to}</span>
        <input name="to" type="datetime-local" defaultValue={filter.to} title={ownZone()} />
      </label>
      <p class="actions">
        <button type="submit" class="strong">
          {OPS.orders.find}
        </button>
        <a href={linkTo('orders')}>{OPS.orders.clear}</a>
      </p>
    </form>
  );
}
