/** Slots at the front that were taken are kept until they are worth the copy. */
const COMPACT_AT = 1024;

/**
 * Waiting buyers, each with a due time. Strictly first in, first out: a due buyer waits behind an earlier one that is not
 * due, which is exact when all wait equally long and harmless when they nearly do.
 */
export class Fifo {
  readonly #buyers: number[] = [];
  readonly #dueMs: number[] = [];
  #head = 0;

  get size(): number {
    return this.#buyers.length - this.#head;
  }

  push(buyer: number, dueMs: number): void {
    this.#buyers.push(buyer);
    this.#dueMs.push(dueMs);
  }

  isDue(nowMs: number): boolean {
    const dueMs = this.#dueMs[this.#head];
    return dueMs !== undefined && dueMs <= nowMs;
  }

  shift(): number {
    const buyer = this.#buyers[this.#head++];
    if (buyer === undefined) throw new Error('no buyer is waiting');
    if (this.#head >= COMPACT_AT && this.#head * 2 > this.#buyers.length) {
      this.#buyers.splice(0, this.#head);
      this.#dueMs.splice(0, this.#head);
      this.#head = 0;
    }
    return buyer;
  }
}
