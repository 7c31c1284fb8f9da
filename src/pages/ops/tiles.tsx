/** @jsxImportSource preact */
import { duration, measure, whole } from '../format.ts';
import { OPS } from '../text.ts';
import type { Rates } from './shapes.ts';

/** The figures of now. What cannot be read is said to be unknown, and never shown as nothing. */
export function Tiles({ rates }: { rates: Rates | null }) {
  return (
    <dl class="tiles">
      {figuresOf(rates).map(({ name, value, isBad, says }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class={isBad ? 'bad' : ''}>
            {value ?? <span class="quiet">{OPS.unknown}</span>}
            {says && <span class="quiet"> {says}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

interface Shown {
  readonly name: string;
  readonly value: string | null;
  readonly isBad?: boolean;
  readonly says?: string;
}

function figuresOf(rates: Rates | null): Shown[] {
  const { tiles } = OPS;
  const each = rates?.total.perSecond;
  const times = rates?.total.times;
  const perSecond = (value: number | undefined) => (value === undefined ? null : `${measure(value)}/s`);
  // Where nothing was timed in the last seconds there is nothing to know.
  const ms = (value: number | null | undefined) =>
    value === undefined ? null : value === null ? OPS.charts.nothing : `${measure(value)} ms`;
  const none = (value: number | null | undefined) => value === null && { says: tiles.none };
  const backlog = rates?.backlog;
  const oldestMs = backlog?.oldestAgeMs ?? null;
  const due = rates?.refundsDue ?? null;
  return [
    { name: tiles.attempts, value: perSecond(each && each.syncAttempts + each.asyncAttempts) },
    { name: tiles.reserved, value: perSecond(each?.reserved) },
    { name: tiles.confirmed, value: perSecond(each?.confirmed) },
    { name: tiles.syncP50, value: ms(times?.syncP50Ms), ...none(times?.syncP50Ms) },
    { name: tiles.syncP99, value: ms(times?.syncP99Ms), ...none(times?.syncP99Ms) },
    { name: tiles.confirmP99, value: ms(times?.confirmP99Ms), ...none(times?.confirmP99Ms) },
    {
      name: tiles.backlog,
      value: backlog?.purchases == null ? null : whole(backlog.purchases),
      ...(oldestMs !== null && oldestMs > 0 && { says: tiles.oldest(duration(oldestMs)) }),
    },
    { name: tiles.paymentFailures, value: perSecond(each?.paymentFailures), isBad: !!each?.paymentFailures },
    { name: tiles.refundsDue, value: due === null ? null : whole(due) },
    { name: tiles.gate, value: rates?.gate ?? null, isBad: rates?.gate === 'bypassed' },
    backends(rates),
  ];
}

function backends(rates: Rates | null): Shown {
  const all = rates?.backends;
  const { tiles } = OPS;
  if (!all) return { name: tiles.backends, value: null };
  const nameOf = (one: { name: string; engine: string }) => one.engine || one.name;
  const down = all.filter(({ up }) => up === false);
  const unsure = all.filter(({ up }) => up === null);
  if (down.length > 0)
    return { name: tiles.backends, value: tiles.down(down.map(nameOf).join(', ')), isBad: true };
  if (unsure.length > 0) return { name: tiles.backends, value: tiles.unsure(unsure.map(nameOf).join(', ')) };
  return { name: tiles.backends, value: tiles.up, says: [...new Set(all.map(nameOf))].join(', ') };
}
