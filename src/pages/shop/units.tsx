/** @jsxImportSource preact */
import type { StockNow } from '../shapes.ts';
import { UNITS } from '../text.ts';

/** Units as a number and a bar. What a screen reader is told of them is told elsewhere, when it matters. */
export function Units({ stock }: { stock: StockNow }) {
  const { available, total, reserved } = stock;
  const isOut = available === 0;
  return (
    <div class="units">
      <progress max={Math.max(1, total)} value={available} aria-label={UNITS.left(available, total)} />
      <p class={isOut ? 'out' : ''}>
        <strong>{isOut ? UNITS.soldOut : UNITS.left(available, total)}</strong>
        <span class="quiet">{isOut ? UNITS.mayReturn(reserved) : ''}</span>
      </p>
    </div>
  );
}
