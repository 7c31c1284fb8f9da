import type { Clock } from '../../domain/clock.ts';
import { nextSaleChangeAt, type Product, type SaleState, saleState } from '../../domain/product.ts';
import type { ProductEvent, ProductNow } from './events.ts';
import type { Viewer } from './viewer.ts';

/** The watched products as they are known here, and who watches them. */
export interface Shelf {
  /** A product as it is known; undefined while nobody watches it. */
  known(productId: number): Product | undefined;
  productIds(): number[];
  /** Takes a row that was read. Older than what is known, or watched by nobody, it is ignored. */
  learn(product: Product): void;
  /** Looks at the clock, by which sales open and close while their rows stay as they are. */
  judge(): void;
  /** How watched products stand. */
  now(productIds: readonly number[]): ProductNow[];
  /** Rises with everything that is learnt. */
  learnt(): number;
  /** Puts products there for a viewer who is admitted before anything else happens. */
  put(rows: readonly Product[]): void;
  admit(viewer: Viewer): void;
  remove(viewer: Viewer): void;
  /** What was learnt since the last time this was asked, product by product. */
  changes(): Change[];
  stopTimer(): void;
}

export interface Change {
  readonly events: readonly ProductEvent[];
  readonly viewers: ReadonlySet<Viewer>;
  /** A viewer who has seen as much as this knows it from a snapshot. */
  readonly learnt: number;
}

interface Place {
  now: ProductNow;
  /** When this was learnt, on the count of `learnt`. */
  learntAt: number;
  /** What viewers were told last. */
  told: { readonly version: number; readonly state: SaleState };
  readonly viewers: Set<Viewer>;
}

/** Above this a timer of the platform would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** `onChange` is called when there is something to tell. */
export function createShelf(clock: Clock, onChange: () => void): Shelf {
  const places = new Map<number, Place>();
  const changed = new Set<number>();
  let learnt = 0;
  /** For the sale that the clock changes next. */
  let timer: Timer | undefined;
  let timerAt = Number.POSITIVE_INFINITY;

  function take(place: Place, product: Product, atMs: number): void {
    const state = saleState(product, atMs);
    const { now } = place;
    if (product.version > now.product.version || state !== now.state) {
      place.now = { product, state };
      place.learntAt = ++learnt;
      changed.add(product.id);
      onChange();
    }
    awaitChange(nextSaleChangeAt(product, atMs), atMs);
  }

  function awaitChange(at: number | null, nowMs: number): void {
    if (at === null || at >= timerAt) return;
    clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(judge, Math.min(at - nowMs, TIMER_MS_MAX)).unref();
  }

  function judge(): void {
    clearTimeout(timer);
    timerAt = Number.POSITIVE_INFINITY;
    const nowMs = clock();
    for (const place of places.values()) take(place, place.now.product, nowMs);
  }

  function changeOf({ now, told }: Place, atMs: number): ProductEvent[] {
    const events: ProductEvent[] = [];
    if (now.product.version > told.version) events.push({ type: 'stock.changed', atMs, now });
    if (now.state !== told.state) {
      events.push({ type: now.state === 'open' ? 'sale.opened' : 'sale.closed', atMs, now });
    }
    return events;
  }

  function learn(product: Product): void {
    const place = places.get(product.id);
    if (place && product.version >= place.now.product.version) take(place, product, clock());
  }

  return {
    known: (productId) => places.get(productId)?.now.product,
    productIds: () => [...places.keys()],
    learn,
    judge,
    now: (productIds) => productIds.map((id) => places.get(id)!.now),
    learnt: () => learnt,
    put(rows) {
      const nowMs = clock();
      for (const product of rows) {
        if (places.has(product.id)) {
          learn(product);
          continue;
        }
        const state = saleState(product, nowMs);
        const told = { version: product.version, state };
        places.set(product.id, { now: { product, state }, learntAt: learnt, told, viewers: new Set() });
        awaitChange(nextSaleChangeAt(product, nowMs), nowMs);
      }
    },
    admit(viewer) {
      for (const id of viewer.productIds) places.get(id)!.viewers.add(viewer);
    },
    remove(viewer) {
      for (const id of viewer.productIds) {
        const place = places.get(id);
        place?.viewers.delete(viewer);
        if (place?.viewers.size === 0) places.delete(id);
      }
    },
    changes() {
      const atMs = clock();
      const found: Change[] = [];
      for (const id of changed) {
        const place = places.get(id);
        if (!place) continue;
        const events = changeOf(place, atMs);
        place.told = { version: place.now.product.version, state: place.now.state };
        if (events.length > 0) found.push({ events, viewers: place.viewers, learnt: place.learntAt });
      }
      changed.clear();
      return found;
    },
    stopTimer: () => clearTimeout(timer),
  };
}
