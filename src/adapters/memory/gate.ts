import type { StockVersion } from '../../domain/product.ts';
import type { Claim, Gate, UpdateWhen } from '../../ports/gate.ts';

interface Counter {
  stock: StockVersion;
  free: number;
}

/** The embedded gate: one process, so a map is as atomic as a script. */
export function openMemoryGate(): Gate {
  const counters = new Map<number, Counter>();

  function update(stock: StockVersion, when: UpdateWhen): void {
    const counter = counters.get(stock.productId);
    if (!counter || replaces(stock.version, counter.stock.version, when)) {
      counters.set(stock.productId, { stock, free: stock.available });
    }
  }

  return {
    async claim(productId, quantities, seen) {
      if (seen) update(seen, 'ifNewer');
      const counter = counters.get(productId);
      if (!counter) return { known: false };
      const { available } = counter.stock;
      const claims: Claim[] = quantities.map((quantity) => {
        if (quantity <= counter.free) {
          counter.free -= quantity;
          return 'claimed';
        }
        return available < quantity ? 'refused' : 'wait';
      });
      return { known: true, stock: counter.stock, claims };
    },
    async update(stock, when) {
      update(stock, when);
    },
    async forget(productId) {
      counters.delete(productId);
    },
    async ping() {},
    async close() {
      counters.clear();
    },
  };
}

function replaces(given: number, known: number, when: UpdateWhen): boolean {
  return when === 'force' || (when === 'ifNotOlder' ? given >= known : given > known);
}
