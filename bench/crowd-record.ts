/**
 * Each buyer's result as the client knows it:
 *
 * - `none` never answered; `accepted` a 202 without an outcome in time
 * - `sold`, `refused` the two sync answers; `confirmed`, `rejected`, `failed` the three async outcomes
 * - `overloaded` refused without any work, at every retry
 * - `unknown` cut off or answered `outcome_unknown`: may or may not have an order
 * - `wrong` an answer that the contract does not allow
 */
const RESULTS = [
  'none',
  'accepted',
  'sold',
  'refused',
  'confirmed',
  'rejected',
  'failed',
  'overloaded',
  'unknown',
  'wrong',
] as const;
export type BuyerResult = (typeof RESULTS)[number];

/** The stored parts of an answer, besides its result. */
export interface Told {
  readonly kind?: string;
  readonly id?: string | null;
  readonly code?: string;
  readonly remaining?: number;
}

/** Wrong answers that are stored verbatim; the rest is only counted. */
const SAMPLES_MAX = 10;

/** The answers to one crowd, some ten bytes per buyer (and the id, where there is one). */
export class CrowdRecord {
  #users: number;
  readonly isAsync: Uint8Array;
  readonly samples: string[] = [];
  readonly #results: Uint8Array;
  readonly #codes: Uint8Array;
  readonly #remaining: Int32Array;
  readonly #ids: (string | undefined)[];
  readonly #counts = new Array<number>(RESULTS.length).fill(0);
  /** Refusal codes seen so far; a handful, whatever the number of buyers. */
  readonly #codeNames: string[] = [''];

  constructor(isAsync: Uint8Array) {
    this.#users = isAsync.length;
    this.isAsync = isAsync;
    this.#results = new Uint8Array(this.users);
    this.#codes = new Uint8Array(this.users);
    this.#remaining = new Int32Array(this.users);
    this.#ids = new Array(this.users);
    this.#counts[0] = this.users;
  }

  get users(): number {
    return this.#users;
  }

  /** Reduces the record to the first `users`; the others never arrived. */
  endAfter(users: number): void {
    this.#counts[0]! -= this.#users - users;
    this.#users = users;
  }

  set(buyer: number, result: BuyerResult, told: Told = {}): void {
    const index = RESULTS.indexOf(result);
    this.#counts[this.#results[buyer]!]!--;
    this.#counts[index]!++;
    this.#results[buyer] = index;
    if (told.id) this.#ids[buyer] = told.id;
    if (told.code !== undefined) this.#codes[buyer] = this.#codeIndex(told.code);
    if (told.remaining !== undefined) this.#remaining[buyer] = told.remaining;
  }

  sample(text: string): void {
    if (this.samples.length < SAMPLES_MAX) this.samples.push(text);
  }

  result(buyer: number): BuyerResult {
    return RESULTS[this.#results[buyer]!]!;
  }

  /** The order or tracking id that the buyer received, or undefined. */
  id(buyer: number): string | undefined {
    return this.#ids[buyer];
  }

  /** The server's refusal code; empty without one. */
  code(buyer: number): string {
    return this.#codeNames[this.#codes[buyer]!]!;
  }

  /** Free units in the sync answer. */
  remaining(buyer: number): number {
    return this.#remaining[buyer]!;
  }

  /** The number of buyers with one of these results. */
  count(...results: BuyerResult[]): number {
    return results.reduce((sum, result) => sum + this.#counts[RESULTS.indexOf(result)]!, 0);
  }

  /** The number of buyers by result, of the results that there were. */
  counts(): Partial<Record<BuyerResult, number>> {
    const there = RESULTS.map((result, index) => [result, this.#counts[index]!] as const);
    return Object.fromEntries(there.filter(([, count]) => count > 0));
  }

  #codeIndex(name: string): number {
    const index = this.#codeNames.indexOf(name);
    if (index >= 0) return index;
    // With hundreds of different codes the last ones are counted together.
    if (this.#codeNames.length > 254) return 254;
    return this.#codeNames.push(name) - 1;
  }
}
