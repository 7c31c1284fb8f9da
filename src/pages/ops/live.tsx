/** @jsxImportSource preact */
import { useComputed } from '@preact/signals';
import { OPS } from '../text.ts';
import { Chart } from './chart.tsx';
import { coursesOf } from './courses.ts';
import { goTo, here, linkTo } from './route.ts';
import { Tiles } from './tiles.tsx';
import type { Tools } from './tools.ts';

/** What happens now in figures, and the course of the sale in charts. */
export function Live({ tools }: { tools: Tools }) {
  const { feed } = tools;
  const chosen = here.value.query.get('product');
  const productId = chosen === null ? null : Number(chosen);
  const courses = useComputed(() => coursesOf(feed.samples.value, productId)).value;
  return (
    <>
      <ProductChoice tools={tools} chosen={chosen} />
      <Tiles rates={feed.rates.value} />
      {feed.historyTrouble.value && <p class="quiet">{feed.historyTrouble.value}</p>}
      <div class="charts">
        {courses.charts.map((chart) => (
          <Chart key={chart.name} times={courses.times} chart={chart} />
        ))}
      </div>
    </>
  );
}

function ProductChoice({ tools: { feed, catalog }, chosen }: { tools: Tools; chosen: string | null }) {
  const ids = feed.rates.value?.units?.map(({ productId }) => productId) ?? [];
  return (
    <p class="choice">
      <label for="product">{OPS.live.product}</label>
      <select
        id="product"
        value={chosen ?? ''}
        onChange={(event) => goTo(linkTo('live', { product: event.currentTarget.value }))}
      >
        <option value="">{OPS.head.all}</option>
        {ids.map((id) => (
          <option key={id} value={id} selected={String(id) === chosen}>
            {catalog.nameOf(id)}
          </option>
        ))}
      </select>
    </p>
  );
}
