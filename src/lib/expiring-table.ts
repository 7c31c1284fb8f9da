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
  const times = new Float64Array(sets * WAYS);
  /** The halves of each key side by side. */
  const tags = new Uint32Array(sets * WAYS * 2);
  const mask = sets - 1;
  let lost = 0;

  return {
    get(high, low) {
      const first = (low & mask) * WAYS;
      for (let slot = first; slot < first + WAYS; slot++) {
        if (tags[2 * slot] === high && tags[2 * slot + 1] === low) return times[slot]!;
      }
      return 0;
    },
    set(high, low, timeUs, nowUs) {
      const first = (low & mask) * WAYS;
      let earliest = first;
      for (let slot = first; slot < first + WAYS; slot++) {
        if (tags[2 * slot] === high && tags[2 * slot + 1] === low) {
          times[slot] = timeUs;
          return;
        }
        if (times[slot]! < times[earliest]!) earliest = slot;
      }
      if (times[earliest]! > nowUs) lost++;
      times[earliest] = timeUs;
      tags[2 * earliest] = high;
      tags[2 * earliest + 1] = low;
    },
    bytes: times.byteLength + tags.byteLength,
    get lost() {
      return lost;
    },
  };
}
