/** A crowd that operators of a development server send at it, to watch a sale. */
export interface RushRequest {
  readonly productId: number;
  readonly users: number;
  /** Buyers per second. */
  readonly rate: number;
  readonly mode: RushMode;
  /** Free units to begin with; null leaves the stock as it is. */
  readonly units: number | null;
}

export const RUSH_MODES = ['sync', 'async', 'both'] as const;
export type RushMode = (typeof RUSH_MODES)[number];

export const RUSH_STATES = ['none', 'running', 'done', 'failed', 'stopped'] as const;

export interface Rush {
  /** `done`: judged, whatever the verdicts are. `stopped`: by an operator, or with its server. */
  readonly state: (typeof RUSH_STATES)[number];
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly request: RushRequest | null;
  readonly progress: RushProgress | null;
  /** Null without an end that was judged. */
  readonly result: RushResult | null;
  /** Why it failed or was stopped. */
  readonly message: string | null;
}

export const NO_RUSH: Rush = {
  state: 'none',
  startedAt: null,
  endedAt: null,
  request: null,
  progress: null,
  result: null,
  message: null,
};

export interface RushProgress {
  readonly elapsedMs: number;
  /** Buyers who have come. */
  readonly offered: number;
  /** Buyers who know their outcome. */
  readonly answered: number;
  readonly sold: number;
  readonly refused: number;
  /** Accepted purchases without an outcome yet. */
  readonly backlog: number;
  readonly p99Ms: number | null;
}

/** What its clients could see, and whether it holds together. */
export interface RushResult {
  /** `pass` is null where it could not be judged. */
  readonly verdicts: readonly {
    readonly name: string;
    readonly pass: boolean | null;
    readonly detail: string;
  }[];
  readonly users: number;
  readonly granted: number;
  readonly refused: number;
  readonly errors: number;
  /** Free units. */
  readonly stock: { readonly before: number; readonly after: number | null };
  readonly elapsedMs: number;
  /** From the first buyer to the last one, as meant and as it was: where it took longer, the machine is the limit. */
  readonly arrivals: { readonly plannedMs: number; readonly tookMs: number };
  readonly sync: {
    readonly p50Ms: number | null;
    readonly p95Ms: number | null;
    readonly p99Ms: number | null;
  };
  readonly async: { readonly acceptP99Ms: number | null; readonly confirmP99Ms: number | null };
}
