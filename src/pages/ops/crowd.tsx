/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { createLiveView } from '../client/live.ts';
import { duration, whole } from '../format.ts';
import { OPS } from '../text.ts';
import { Chart } from './chart.tsx';
import { coursesOf, within } from './courses.ts';
import { CrowdForm } from './crowd-form.tsx';
import { here } from './route.ts';
import type { Rush, SaleProduct } from './shapes.ts';
import type { Tools } from './tools.ts';
import { UnitsBar } from './units-bar.tsx';
import { Verdicts } from './verdicts.tsx';

/** A crowd on a server for trying out: started here, watched, and judged. */
export function Crowd({ tools }: { tools: Tools }) {
  const { rush, isMissing, trouble } = tools.rush;
  const chosen = useSignal(here.value.query.get('product') ?? '1');
  if (!tools.development || isMissing.value) return <p class="empty">{OPS.crowd.missing}</p>;
  const now = rush.value;
  const isRunning = now?.state === 'running';
  const productId = isRunning && now.request ? now.request.productId : Number(chosen.value);
  return (
    <>
      <p class="quiet">{OPS.crowd.about}</p>
      {trouble.value && <p class="bad">{OPS.trouble(trouble.value)}</p>}
      <div class="crowd-view">
        <CrowdForm tools={tools} product={chosen} isRunning={isRunning} />
        <Watch tools={tools} productId={productId} rush={now} />
      </div>
      {now?.result && (
        <Verdicts verdicts={now.result.verdicts} caption={OPS.crowd.took(duration(now.result.elapsedMs))} />
      )}
    </>
  );
}

function Watch({ tools, productId, rush }: { tools: Tools; productId: number; rush: Rush | null }) {
  const { feed, catalog } = tools;
  const product = catalog.products.value?.find((one) => one.productId === productId);
  const { times, charts } = coursesOf(sinceOf(tools, rush), productId);
  const throughput = charts.find(({ name }) => name === 'throughput')!;
  return (
    <div class="watch">
      <h3>{catalog.nameOf(productId)}</h3>
      {product && <LiveUnits key={productId} product={product} serverTime={feed.serverTime} />}
      <p role="status" class={rush?.state === 'failed' ? 'bad' : ''}>
        {rush && OPS.crowd.states[rush.state]} {rush?.message} {rush?.result && judgedIn(rush.result)}
      </p>
      <Progress rush={rush} />
      <Chart times={times} chart={throughput} />
    </div>
  );
}

/** By the buyers' own stream: a sale may be over before the next figures come. */
function LiveUnits({ product, serverTime }: { product: SaleProduct; serverTime: string }) {
  const live = useMemo(() => createLiveView(serverTime, [product]), []);
  useEffect(() => live.connect(), [live]);
  const { total, available, reserved } = live.stock(product.productId)!.value;
  return <UnitsBar units={{ total, available, reserved, sold: total - available - reserved }} />;
}

function judgedIn({ verdicts }: NonNullable<Rush['result']>): string {
  const held = verdicts.filter(({ pass }) => pass === true).length;
  return OPS.crowd.judged(held, verdicts.length);
}

/** From shortly before the crowd to shortly after it, or the last minutes where there was none. */
function sinceOf({ feed }: Tools, rush: Rush | null) {
  const samples = feed.samples.value;
  if (!rush?.startedAt) return within(samples, LAST_MS);
  const fromMs = Date.parse(rush.startedAt) - AROUND_MS;
  const toMs = rush.endedAt === null ? Number.POSITIVE_INFINITY : Date.parse(rush.endedAt) + 2 * AROUND_MS;
  return samples.filter(({ at }) => Date.parse(at) >= fromMs && Date.parse(at) <= toMs);
}

const LAST_MS = 300_000;
/** The figures are of ten seconds. */
const AROUND_MS = 10_000;

/** How far it is; in the end what became of all of it. */
function Progress({ rush }: { rush: Rush | null }) {
  const { figures } = OPS.crowd;
  const { elapsedMs, offered, answered, sold, refused, p99Ms } = figuresOf(rush);
  const number = (value: number | null | undefined) => (value == null ? OPS.charts.nothing : whole(value));
  const time = (value: number | null | undefined) => (value == null ? OPS.charts.nothing : duration(value));
  return (
    <dl class="tiles">
      {[
        [figures.elapsed, time(elapsedMs)],
        [figures.offered, number(offered)],
        [figures.answered, number(answered)],
        [figures.sold, number(sold)],
        [figures.refused, number(refused)],
        [figures.p99, time(p99Ms)],
      ].map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function figuresOf(rush: Rush | null): Partial<NonNullable<Rush['progress']>> {
  const { progress, result } = rush ?? {};
  if (!result) return progress ?? {};
  const { users, granted, refused, errors, elapsedMs } = result;
  return { ...progress, elapsedMs, offered: users, answered: users - errors, sold: granted, refused };
}
