/** @jsxImportSource preact */
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { timeOfDay } from '../format.ts';
import { OPS } from '../text.ts';
import type { Course } from './courses.ts';
import { createPlot, type Plot } from './plot.ts';
import { ScrollArea } from './scroll-area.tsx';

/** Rows of the table that says in numbers what a chart draws. */
const ROWS = 12;

/** A course over time: drawn, with its values now or under the pointer as its legend, and as a table. */
export function Chart({ times, chart }: { times: readonly number[]; chart: Course }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const hidden = useSignal<ReadonlySet<string>>(new Set());
  const pointed = useSignal<number | null>(null);
  const isTable = useSignal(false);
  useEffect(() => {
    const made = createPlot(place.current!, (index) => {
      pointed.value = index;
    });
    plot.current = made;
    return () => made.close();
  }, []);
  useEffect(() => plot.current?.show(times, chart, hidden.value), [times, chart, hidden.value]);

  const last = times.length - 1;
  const index = useComputed(() => pointed.value).value ?? last;
  const { title, lines, show, name } = chart;
  const valueAt = (values: readonly (number | null)[], i: number) => {
    const value = values[i] ?? null;
    return value === null ? OPS.charts.nothing : show(value);
  };
  return (
    <figure class={`chart ${name}`} aria-labelledby={`chart-${name}`}>
      <figcaption>
        <h3 id={`chart-${name}`}>{title}</h3>
        <span class="quiet">
          {index >= 0 && index < last ? timeOfDay(isoOf(times[index]!)) : OPS.charts.now}
        </span>
      </figcaption>
      <div class="plot" ref={place} aria-hidden="true" />
      <ul class="legend">
        {lines.map(({ label, values }, i) => (
          <li key={label}>
            <button
              type="button"
              class={`line-${i + 1}`}
              aria-pressed={!hidden.value.has(label)}
              onClick={() => {
                hidden.value = toggled(hidden.value, label);
              }}
            >
              <span class="swatch" aria-hidden="true" /> {label} <b>{valueAt(values, index)}</b>
            </button>
          </li>
        ))}
        {lines.length === 0 && <li class="quiet">{OPS.charts.nothing}</li>}
      </ul>
      <details
        onToggle={(event) => {
          isTable.value = event.currentTarget.open;
        }}
      >
        <summary>
          {OPS.charts.table}
          <span class="unseen"> {title}</span>
        </summary>
        {isTable.value && (
          <ScrollArea name={OPS.charts.tableOf(title)}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{OPS.charts.time}</th>
                  {lines.map(({ label }) => (
                    <th scope="col" key={label}>
                      {label}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {spread(times.length).map((i) => (
                  <tr key={i}>
                    <th scope="row">{timeOfDay(isoOf(times[i]!))}</th>
                    {lines.map(({ label, values }) => (
                      <td key={label}>{valueAt(values, i)}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </ScrollArea>
        )}
      </details>
    </figure>
  );
}

function toggled(set: ReadonlySet<string>, label: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(label)) next.add(label);
  return next;
}

/** Indexes from the first to the last, evenly. */
function spread(length: number): number[] {
  if (length <= ROWS) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: ROWS }, (_, i) => Math.round((i * (length - 1)) / (ROWS - 1)));
}

function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
