/** @jsxImportSource preact */
import { useMemo } from 'preact/hooks';
import { OPS } from '../text.ts';
import { Chart } from './chart.tsx';
import { coursesOf, within } from './courses.ts';
import { goTo, here, linkTo } from './route.ts';
import { Tiles } from './tiles.tsx';
import type { Tools } from './tools.ts';

/** Spans to choose from, in minutes. */
const LAST = ['5', '30', '120'];

/** What happens now in figures, and the course of the sale in charts. What is chosen stands in the address. */
export function Live({ tools }: { tools: Tools }) {
  const { feed } = tools;
  const { query } = here.value;
  const product = query.get('product') ?? '';
  const last = LAST.find((minutes) => minutes === query.get('last')) ?? '';
  const samples = feed.samples.value;
  const courses = useMemo(() => {
    const shown = last === '' ? samples : within(samples, Number(last) * 60_000);
    return coursesOf(shown, product === '' ? null : Number(product));
  }, [samples, product, last]);
  return (
    <>
      <Choice tools={tools} product={product} last={last} />
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

function Choice({
  tools: { feed, catalog },
  product,
  last,
}: {
  tools: Tools;
  product: string;
  last: string;
}) {
  const ids = feed.rates.value?.units?.map(({ productId }) => productId) ?? [];
  return (
    <p class="choice">
      <label for="product">{OPS.live.product}</label>
      <select
        id="product"
        onChange={(event) => goTo(linkTo('live', { product: event.currentTarget.value, last }))}
      >
        <option value="">{OPS.head.all}</option>
        {ids.map((id) => (
          <option key={id} value={id} selected={String(id) === product}>
            {catalog.nameOf(id)}
          </option>
        ))}
      </select>
      <label for="last">{OPS.live.last}</label>
      <select
        id="last"
        onChange={(event) => goTo(linkTo('live', { product, last: event.currentTarget.value }))}
      >
        <option value="">{OPS.live.whole}</option>
        {LAST.map((minutes) => (
          <option key={minutes} value={minutes} selected={minutes === last}>
            {OPS.live.minutes(minutes)}
          </option>
        ))}
      </select>
    </p>
  );
}
