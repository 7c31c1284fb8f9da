/** What happened in the past, as figures of one moment each. A part of the Ledger, with its promises. */
export interface History {
  /** Adds a sample; does nothing where there is one of this moment. */
  keepSample(sample: NewSample): Promise<void>;

  /**
   * The samples from `from` to `to` (ms since the epoch, both inclusive), oldest first, and of more than `points` a choice of
   * at most so many. They are cut into slices of equally many samples, so that a busy minute, which has more of them than a
   * quiet one, keeps more. Of each slice come the sample with the greatest `rate` and the one with the greatest `strain`;
   * and the first and the last of all come in any case.
   */
  samples(from: number, to: number, points: number): Promise<StoredSample[]>;

  /**
   * When the last course of events up to `to` began: the time of the first sample with a rate after a break of `breakMs`
   * without one. Null where nothing happened.
   */
  courseBegan(to: number, breakMs: number): Promise<number | null>;

  /** Deletes at most `limit` samples, oldest first: those before `before`, and those beyond the newest `countMax`. Their number. */
  pruneSamples(before: number, countMax: number, limit: number): Promise<number>;
}

export interface StoredSample {
  /** By the ledger's clock (ms since the epoch). */
  readonly at: number;
  /** Opaque to the ledger. */
  readonly figures: string;
}

export interface NewSample extends StoredSample {
  /** How much happened per second, and how hard it was: what a choice of samples must not lose. */
  readonly rate: number;
  readonly strain: number;
}

/** Of a choice of samples; fewer could not hold both ends and a slice between them. */
export const POINTS_MIN = 10;
