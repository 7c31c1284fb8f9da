/** One thing that must hold, and whether it did. */
export interface Verdict {
  readonly name: string;
  readonly pass: boolean;
  /** The counts, or the violation. */
  readonly detail: string;
}
