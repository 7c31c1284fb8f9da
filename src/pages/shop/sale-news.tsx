/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { StockNow } from '../shapes.ts';
import { BUY } from '../text.ts';

/** Tells those who listen when the sale comes to another state, and nothing of the numbers between. */
export function SaleNews({ stock: { state, available } }: { stock: StockNow }) {
  const phase = state === 'open' && available === 0 ? 'sold_out' : state;
  const before = useRef(phase);
  const said = useSignal('');
  useEffect(() => {
    if (phase !== before.current) said.value = BUY.news[phase];
    before.current = phase;
  }, [phase]);
  return (
    <p class="unseen" role="status">
      {said.value}
    </p>
  );
}
