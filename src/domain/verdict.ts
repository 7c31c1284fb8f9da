/** One thing that must hold, and whether it did. */
export interface Verdict {
  readonly name: string;
  readonly pass: boolean;
  /** What was counted, or what is wrong. */
  readonly detail: string;
}
