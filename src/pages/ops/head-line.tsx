/** @jsxImportSource preact */
import { whole } from '../format.ts';
import { OPS } from '../text.ts';
import { here, linkTo } from './route.ts';
import type { Rates, Units } from './shapes.ts';
import type { Tools } from './tools.ts';

/** Figures older than this are not what happens now (ms). */
const OLD_MS = 5_000;

/** Whether the books of all sales, or of one, add up this second, and how old that is. On every section. */
export function HeadLine({ tools: { feed, catalog, rush, development } }: { tools: Tools }) {
  const { section, query } = here.value;
  const chosen = section === 'live' ? query.get('product') : null;
  const sums = sumsOf(feed.rates.value, chosen === null ? null : Number(chosen));
  const ageMs = feed.ageMs.value;
  const isOld = ageMs !== null && ageMs > OLD_MS;
  const isRush = development && section !== 'crowd' && rush.rush.value?.state === 'running';
  return (
    <div class="head-line">
      <p class="equation">
        {sums === null ? (
          <span class="term quiet">{feed.rates.value === null ? OPS.head.waiting : OPS.head.unknown}</span>
        ) : (
          <Equation sums={sums} />
        )}
      </p>
      <p class="scope quiet">{chosen === null ? OPS.head.all : catalog.nameOf(Number(chosen))}</p>
      {isRush && (
        <p class="running">
          <a href={linkTo('crowd')}>{OPS.head.rush}</a>
        </p>
      )}
      <p class={isOld ? 'age bad' : 'age quiet'}>
        {ageMs === null
          ? OPS.head.noData
          : isOld
            ? OPS.head.old(seconds(ageMs))
            : OPS.head.age(seconds(ageMs))}
      </p>
      <p role="alert" class="bad">
        {feed.trouble.value}
      </p>
    </div>
  );
}

function Equation({ sums: { sold, reserved, available, total } }: { sums: Omit<Units, 'productId'> }) {
  const adds = sold + reserved + available === total;
  return (
    <>
      <Term value={sold} name={OPS.units.sold} widest={total} />
      <span> + </span>
      <Term value={reserved} name={OPS.units.reserved} widest={total} />
      <span> + </span>
      <Term value={available} name={OPS.units.available} widest={total} />
      <span> = </span>
      <Term value={total} name={OPS.units.total} widest={total} />
      <strong class={adds ? 'good' : 'bad'}>
        <span aria-hidden="true">{adds ? '✓' : '✗'}</span>
        <span class={adds ? 'unseen' : ''}>{adds ? OPS.head.adds : OPS.head.doesNotAdd}</span>
      </strong>
    </>
  );
}

/** As wide as the total, which none of the others exceeds, so that nothing moves while they change. */
function Term({ value, name, widest }: { value: number; name: string; widest: number }) {
  return (
    <span class="term">
      <b style={{ minWidth: `${whole(widest).length}ch` }}>{whole(value)}</b> <span>{name}</span>
    </span>
  );
}

/** Null while the units cannot be read, or where there is no such product among them. */
function sumsOf(rates: Rates | null, productId: number | null): Omit<Units, 'productId'> | null {
  if (!rates?.units) return null;
  const counted = rates.units.filter((one) => productId === null || one.productId === productId);
  if (counted.length === 0 && productId !== null) return null;
  const sum = (field: 'sold' | 'reserved' | 'available' | 'total') =>
    counted.reduce((all, one) => all + one[field], 0);
  return { sold: sum('sold'), reserved: sum('reserved'), available: sum('available'), total: sum('total') };
}

/** Always alike in width. */
function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
