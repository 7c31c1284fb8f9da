import type { Product } from '../shapes.ts';

/** What the console knows of the operators' answers, as the routes describe them. */

export type PerSecond = Readonly<
  Record<
    | 'syncAttempts'
    | 'asyncAttempts'
    | 'reserved'
    | 'refused'
    | 'accepted'
    | 'confirmed'
    | 'paid'
    | 'declined'
    | 'expired'
    | 'paymentFailures',
    number
  >
>;

export type Times = Readonly<
  Record<'syncP50Ms' | 'syncP99Ms' | 'acceptP99Ms' | 'confirmP99Ms', number | null>
>;

export interface Units {
  readonly productId: number;
  readonly total: number;
  readonly available: number;
  readonly reserved: number;
  readonly sold: number;
}

export interface InstanceFigures {
  readonly instance: string;
  readonly eventLoopP99Ms: number;
  readonly cpuShare: number;
  readonly rssBytes: number;
}

/** What was so at a moment. What could not be read is null. */
export interface Figures {
  readonly total: { readonly instances: number; readonly perSecond: PerSecond; readonly times: Times };
  readonly instances: readonly InstanceFigures[];
  readonly backlog: {
    readonly purchases: number | null;
    readonly oldestAgeMs: number | null;
    readonly paymentsOldestAgeMs: number | null;
  };
  readonly units: readonly Units[] | null;
}

export interface Rates extends Figures {
  readonly total: Figures['total'] & {
    readonly ageMs: number;
    readonly recent?: Pick<Figures['total'], 'perSecond' | 'times'>;
  };
  readonly instances: readonly (InstanceFigures & { readonly recent?: Pick<InstanceFigures, 'cpuShare'> })[];
  readonly refundsDue?: number | null;
  readonly gate?: string;
  readonly backends?: readonly {
    readonly name: string;
    readonly engine: string;
    readonly up: boolean | null;
  }[];
}

export interface Sample extends Figures {
  readonly at: string;
}

export interface History {
  readonly from: string;
  readonly to: string;
  readonly samples: readonly Sample[];
}

/** A product as operators see it. */
export interface SaleProduct extends Product {
  readonly sold: number;
  readonly generation: number;
  readonly paused: boolean;
  readonly drained: boolean;
}

export interface FoundOrder {
  readonly orderId: string;
  readonly status: string;
  readonly productId: number;
  readonly customer?: string | null;
  readonly quantity: number;
  readonly number?: number;
  readonly channel?: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly createdAt: string;
}

export interface LetterGroup {
  readonly queue: string;
  readonly cause: string;
  readonly letters: number;
  readonly items: number;
  readonly oldestAt: string;
  readonly newestAt: string;
  readonly itemIds: readonly string[];
}

export interface Letter {
  readonly id: string;
  readonly cause: string;
  readonly items: number;
  readonly deadAt: string;
  readonly itemIds: readonly string[];
}

export interface LogEntry {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Verdict {
  readonly name: string;
  /** Null where it could not be judged. */
  readonly pass: boolean | null;
  readonly detail: string;
}

export interface AuditReport {
  readonly pass: boolean;
  readonly verdicts: readonly Verdict[];
  readonly tookMs: number;
}

export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'note' | 'broken';
  readonly detail: string;
}

export interface Rush {
  readonly state: 'none' | 'running' | 'done' | 'failed' | 'stopped';
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly request: { readonly productId: number; readonly users: number } | null;
  readonly progress: {
    readonly elapsedMs: number;
    readonly offered: number;
    readonly answered: number;
    readonly sold: number;
    readonly refused: number;
    readonly backlog: number | null;
    readonly p99Ms: number | null;
  } | null;
  readonly result: {
    readonly verdicts: readonly Verdict[];
    readonly users: number;
    readonly granted: number;
    readonly refused: number;
    readonly errors: number;
    readonly elapsedMs: number;
  } | null;
  readonly message: string | null;
}
