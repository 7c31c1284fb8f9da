/**
 * What became of each buyer as the client knows it:
 *
 * - `none` never answered; `accepted` a 202 whose outcome did not come in time
 * - `sold`, `refused` the two sync answers; `confirmed`, `rejected`, `failed` the three async outcomes
 * - `overloaded` turned away, without any work done, more often than the buyer tried again
 * - `unknown` cut off or told `outcome_unknown`: may or may not have an order
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

/** The parts of an answer that are kept, besides the result that its kind leads to. */
export interface Told {
  readonly kind?: string;
  readonly id?: string | null;
  readonly code?: string;
  readonly remaining?: number;
}

/** Wrong answers and reasons of cuts that are kept word for word; the rest is only counted. */
const SAMPLES_MAX = 10;

/** Everything the buyers of one crowd were told, some ten bytes for each buyer (and the id of those who got one). */
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

  /** Only the first `users` came; the others, of whom nothing was written down, are no part of it. */
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

  /** The order or tracking id that the buyer was given, or undefined. */
  id(buyer: number): string | undefined {
    return this.#ids[buyer];
  }

  /** Why the buyer got nothing, as the server said it; empty where it did not. */
  code(buyer: number): string {
    return this.#codeNames[this.#codes[buyer]!]!;
  }

  /** Units left as the buyer was told with a sync answer. */
  remaining(buyer: number): number {
    return this.#remaining[buyer]!;
  }

  /** How many buyers met one of these results. */
  count(...results: BuyerResult[]): number {
    return results.reduce((sum, result) => sum + this.#counts[RESULTS.indexOf(result)]!, 0);
  }

  #codeIndex(name: string): number {
    const index = this.#codeNames.indexOf(name);
    if (index >= 0) return index;
    // A server that invents codes by the hundred gets the last of them lumped together.
    if (this.#codeNames.length > 254) return 254;
    return this.#codeNames.push(name) - 1;
  }
}
