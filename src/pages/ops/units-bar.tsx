/** @jsxImportSource preact */
import { whole } from '../format.ts';
import { OPS } from '../text.ts';
import type { Units } from './shapes.ts';

const PARTS = ['sold', 'reserved', 'available'] as const;

/** The units of a sale by state, as a bar and in words. */
export function UnitsBar({ units }: { units: Omit<Units, 'productId'> }) {
  const { total } = units;
  return (
    <div class="units-bar">
      <div class="track" aria-hidden="true">
        {PARTS.map((part) => (
          <span
            key={part}
            class={part}
            style={{ width: `${total === 0 ? 0 : (units[part] / total) * 100}%` }}
          />
        ))}
      </div>
      <ul class="legend">
        {PARTS.map((part) => (
          <li key={part}>
            <span class={`swatch ${part}`} aria-hidden="true" /> {OPS.units[part]} <b>{whole(units[part])}</b>
          </li>
        ))}
        <li>
          {OPS.units.total} <b>{whole(total)}</b>
        </li>
      </ul>
    </div>
  );
}
