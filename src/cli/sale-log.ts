import type { StockCache } from '../app/purchase/stock-cache.ts';
import type { Clock } from '../domain/clock.ts';
import { amountText } from '../domain/money.ts';
import { available, isHidden, type Product, type SaleState, saleState } from '../domain/product.ts';

/** Soon enough for a reader, and seldom enough that units which come and go in a crowd are one line. */
const LOOK_EVERY_MS = 500;

/**
 * Says when a sale opens, closes, is sold out, or has units again, as far as this process knows: its stock cache has each row
 * that it wrote or read, and the clock opens and closes sales. What is so at the start is not said. Ends with the returned function.
 */
export function logSales(
  { onChange }: Pick<StockCache, 'onChange'>,
  products: readonly Product[],
  clock: Clock,
  say: (sentence: string) => void,
): () => void {
  const rows = new Map<number, Product>();
  const seen = new Map<number, Seen>();
  for (const product of products) {
    rows.set(product.id, product);
    seen.set(product.id, seenOf(product, clock()));
  }

  function look(): void {
    const nowMs = clock();
    for (const product of rows.values()) {
      if (isHidden(product)) continue;
      const before = seen.get(product.id) ?? null;
      const now = seenOf(product, nowMs);
      seen.set(product.id, now);
      const sentence = changeOf(product, now, before);
      if (sentence !== null) say(sentence);
    }
  }

  const unsubscribe = onChange((product) => void rows.set(product.id, product));
  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  return () => {
    unsubscribe();
    clearInterval(timer);
  };
}

interface Seen {
  readonly state: SaleState;
  readonly isSoldOut: boolean;
  readonly generation: number;
}

function seenOf(product: Product, nowMs: number): Seen {
  return {
    state: saleState(product, nowMs),
    isSoldOut: available(product) === 0,
    generation: product.generation,
  };
}

/** One sentence, or null when nothing changed that a person would want to know. */
export function changeOf(product: Product, now: Seen, before: Seen | null): string | null {
  const { id, name, priceMinor, currency, opensAt, total, reserved } = product;
  const which = `${name} (product ${id})`;
  const units = (count: number) => `${count.toLocaleString('en-US')} unit${count === 1 ? '' : 's'}`;
  if (now.state !== before?.state || now.generation !== before.generation) {
    switch (now.state) {
      case 'open':
        return now.isSoldOut
          ? `sold out: ${which}`
          : `sale open: ${which}, ${units(available(product))} at ${amountText(priceMinor, currency)} ${currency}`;
      case 'not_open':
        return `sale planned: ${which} opens at ${new Date(opensAt!).toISOString()}`;
      case 'paused':
        return `sale paused: ${which}, ${units(available(product))} left`;
      case 'closed':
        return `sale closed: ${which}, ${units(available(product))} left`;
    }
  }
  if (now.isSoldOut === before.isSoldOut) return null;
  if (!now.isSoldOut) return `units again: ${which}, ${available(product).toLocaleString('en-US')} available`;
  const mayReturn = reserved === 0 ? '' : `, ${reserved.toLocaleString('en-US')} of them not paid yet`;
  return `sold out: ${which}, ${units(total)}${mayReturn}`;
}
