/**
 * One time per key, in a block of memory that never grows. A key is 64 bits of a hash. A time that is not ahead of now is as good
 * as none, so nothing is ever deleted: a new key takes the place of the earliest time in its set of eight. Where all eight are ahead of
 * now the earliest is lost, and that key starts anew: a full table forgets who owes least, and never refuses anybody by mistake of size.
 *
 * A Map of a million string keys took 150 MB and collected garbage in the middle of a crowd; this takes 16 bytes a slot.
 */
export interface ExpiringTable {
  /** 0 where there is none. */
  get(high: number, low: number): number;
  set(high: number, low: number, timeUs: number, nowUs: number): void;
  readonly bytes: number;
  /** Keys that lost a time ahead of now to another key. */
  readonly lost: number;
}

/** Two cache lines of times and tags: few enough to be searched in some nanoseconds. */
const WAYS = 8;

/** `slots` is rounded up to a power of two. */
export function createExpiringTable(slots: number): ExpiringTable {
  const sets = 2 ** Math.max(0, Math.ceil(Math.log2(slots / WAYS)));
  /** Of each set its times, then the halves of its keys, so that a look touches two neighbouring lines of the cache. */
  const memory = new ArrayBuffer(sets * WAYS * 16);
  const times = new Float64Array(memory);
  const tags = new Uint32Array(memory);
  // Asked of the system now, and not page by page in the first seconds of a sale.
  tags.fill(0);
  const mask = sets - 1;
  let lost = 0;

  return {
    get(high, low) {
      const set = low & mask;
      const first = set * 2 * WAYS;
      const tag = set * 4 * WAYS + 2 * WAYS;
      for (let way = 0; way < WAYS; way++) {
        if (tags[tag + 2 * way] === high && tags[tag + 2 * way + 1] === low) return times[first + way]!;
      }
      return 0;
    },
    set(high, low, timeUs, nowUs) {
      const set = low & mask;
      const first = set * 2 * WAYS;
      const tag = set * 4 * WAYS + 2 * WAYS;
      let earliest = 0;
      for (let way = 0; way < WAYS; way++) {
        if (tags[tag + 2 * way] === high && tags[tag + 2 * way + 1] === low) {
          times[first + way] = timeUs;
          return;
        }
        if (times[first + way]! < times[first + earliest]!) earliest = way;
      }
      if (times[first + earliest]! > nowUs) lost++;
      times[first + earliest] = timeUs;
      tags[tag + 2 * earliest] = high;
      tags[tag + 2 * earliest + 1] = low;
    },
    bytes: memory.byteLength,
    get lost() {
      return lost;
    },
  };
}
