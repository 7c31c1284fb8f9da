import type { Claim, Gate, Over } from '../../ports/gate.ts';
import type { Standing } from '../../ports/ledger.ts';

interface Counter {
  standing: Standing;
  free: number;
}

/** The embedded gate: one process, so a map is as atomic as a script. */
export function openMemoryGate(): Gate {
  const counters = new Map<number, Counter>();

  function follow(standing: Standing, over: Over): void {
    const counter = counters.get(standing.productId);
    if (!counter) {
      counters.set(standing.productId, { standing, free: standing.available });
    } else if (replaces(standing.version, counter.standing.version, over)) {
      counter.standing = standing;
      counter.free = standing.available;
    }
  }

  return {
    async claim(productId, quantities, seen) {
      if (seen) follow(seen, 'older');
      const counter = counters.get(productId);
      if (!counter) return { known: false };
      const { available } = counter.standing;
      const claims: Claim[] = quantities.map((quantity) => {
        if (quantity <= counter.free) {
          counter.free -= quantity;
          return 'claimed';
        }
        return available < quantity ? 'refused' : 'wait';
      });
      return { known: true, standing: counter.standing, claims };
    },
    async follow(standing, over = 'older') {
      follow(standing, over);
    },
    async ping() {},
    async close() {
      counters.clear();
    },
  };
}

function replaces(shown: number, known: number, over: Over): boolean {
  return over === 'any' || (over === 'same' ? shown >= known : shown > known);
}
