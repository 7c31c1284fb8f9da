import type { Clock } from '../../domain/clock.ts';
import { nextSaleChangeAt, type Product, type SaleState, saleState } from '../../domain/product.ts';
import type { StockCache } from '../purchase/stock-cache.ts';
import type { ProductEvent, ProductNow } from './events.ts';
import type { Subscriber } from './subscriber.ts';

/** The watched products, their subscribers, and the last sent state. The rows themselves are in the stock cache. */
export interface WatchedProducts {
  has(productId: number): boolean;
  ids(): number[];
  /** Notes a newer row. Ignored for a product that is not watched. */
  changed(product: Product): void;
  /** Checks the clock, by which sales open and close while their rows are unchanged. */
  checkStates(): void;
  /** The present state of watched products. */
  now(productIds: readonly number[]): ProductNow[];
  /** Rises with every change. */
  revision(): number;
  /** Adds a subscriber to products that the stock cache knows. */
  add(subscriber: Subscriber): void;
  /** Begins to watch products for a subscriber that is added synchronously afterwards. */
  watch(products: readonly Product[]): void;
  remove(subscriber: Subscriber): void;
  /** The changes since the last call, by product. */
  takeChanges(): ProductChange[];
  close(): void;
}

export interface ProductChange {
  readonly events: readonly ProductEvent[];
  readonly subscribers: ReadonlySet<Subscriber>;
  /** A subscriber whose snapshot is of this revision or a later one has it already. */
  readonly revision: number;
}

interface Entry {
  state: SaleState;
  /** Revision of the last change. */
  revision: number;
  /** The state that was sent last. */
  sent: { readonly version: number; readonly state: SaleState };
  readonly subscribers: Set<Subscriber>;
}

/** Above this a timer of the platform would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** `onChange` is called when there is something to send. */
export function createWatchedProducts(
  stockCache: Pick<StockCache, 'last'>,
  clock: Clock,
  onChange: () => void,
): WatchedProducts {
  const entries = new Map<number, Entry>();
  const changedIds = new Set<number>();
  let revision = 0;
  /** For the sale that the clock changes next. */
  let timer: Timer | undefined;
  let timerAt = Number.POSITIVE_INFINITY;

  const rowOf = (productId: number): Product => stockCache.last(productId)!.product;

  function note(entry: Entry, product: Product, state: SaleState): void {
    entry.state = state;
    entry.revision = ++revision;
    changedIds.add(product.id);
    onChange();
  }

  function awaitStateChange(product: Product, nowMs: number): void {
    const at = nextSaleChangeAt(product, nowMs);
    if (at === null || at >= timerAt) return;
    clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(checkStates, Math.min(at - nowMs, TIMER_MS_MAX)).unref();
  }

  function checkStates(): void {
    clearTimeout(timer);
    timerAt = Number.POSITIVE_INFINITY;
    const nowMs = clock();
    for (const [id, entry] of entries) {
      const product = rowOf(id);
      const state = saleState(product, nowMs);
      if (state !== entry.state) note(entry, product, state);
      awaitStateChange(product, nowMs);
    }
  }

  function eventsOf({ state, sent }: Entry, product: Product, atMs: number): ProductEvent[] {
    const now = { product, state };
    const events: ProductEvent[] = [];
    if (product.version > sent.version) events.push({ type: 'stock.changed', atMs, now });
    if (state !== sent.state) {
      events.push({ type: state === 'open' ? 'sale.opened' : 'sale.closed', atMs, now });
    }
    return events;
  }

  return {
    has: (productId) => entries.has(productId),
    ids: () => [...entries.keys()],
    changed(product) {
      const entry = entries.get(product.id);
      if (!entry) return;
      const nowMs = clock();
      note(entry, product, saleState(product, nowMs));
      awaitStateChange(product, nowMs);
    },
    checkStates,
    now: (productIds) => productIds.map((id) => ({ product: rowOf(id), state: entries.get(id)!.state })),
    revision: () => revision,
    watch(products) {
      const nowMs = clock();
      for (const { id } of products) {
        if (entries.has(id)) continue;
        const product = rowOf(id);
        const state = saleState(product, nowMs);
        entries.set(id, {
          state,
          revision,
          sent: { version: product.version, state },
          subscribers: new Set(),
        });
        awaitStateChange(product, nowMs);
      }
    },
    add(subscriber) {
      for (const id of subscriber.productIds) entries.get(id)!.subscribers.add(subscriber);
    },
    remove(subscriber) {
      for (const id of subscriber.productIds) {
        const entry = entries.get(id);
        entry?.subscribers.delete(subscriber);
        if (entry?.subscribers.size === 0) entries.delete(id);
      }
    },
    takeChanges() {
      const atMs = clock();
      const changes: ProductChange[] = [];
      for (const id of changedIds) {
        const entry = entries.get(id);
        if (!entry) continue;
        const product = rowOf(id);
        const events = eventsOf(entry, product, atMs);
        entry.sent = { version: product.version, state: entry.state };
        const { subscribers } = entry;
        if (events.length > 0) changes.push({ events, subscribers, revision: entry.revision });
      }
      changedIds.clear();
      return changes;
    },
    close: () => clearTimeout(timer),
  };
}
