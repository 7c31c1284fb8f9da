import type { ProductReader } from '../app/catalog/product-reader.ts';
import type { RemoveProduct } from '../app/catalog/removal.ts';
import type { Sales } from '../app/catalog/sales.ts';
import type { AuditRun } from '../app/ops/audit-run.ts';
import type { DeadLetters } from '../app/ops/dead-letters.ts';
import type { History } from '../app/ops/history.ts';
import type { RushRun } from '../app/ops/rush-run.ts';
import type { BuyerPayments } from '../app/payments/buyer-payments.ts';
import type { PurchaseBatcher } from '../app/purchase/batcher.ts';
import type { Conclude } from '../app/purchase/conclude.ts';
import type { Intake } from '../app/purchase/intake.ts';
import type { StockCache } from '../app/purchase/stock-cache.ts';
import type { Tracking } from '../app/purchase/tracking.ts';
import type { StockStream } from '../app/stream/stream.ts';
import type { Clock } from '../domain/clock.ts';
import type { PurchaseIds } from '../domain/ids.ts';
import type { Check } from '../ports/backends.ts';
import type { Gate } from '../ports/gate.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Queue } from '../ports/queue.ts';
import type { Tracing } from '../ports/tracing.ts';
import type { Family } from '../telemetry/families.ts';
import type { LiveFigures } from '../telemetry/live-figures.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Buyers } from './buyers/buyers.ts';
import type { Limits } from './limits/limits.ts';
import type { OperatorTrust } from './operator.ts';

/** What the routes need of the use cases behind them. */
export interface Service extends OperatorTrust {
  readonly ledger: Ledger;
  readonly gate: Gate;
  readonly queue: Queue;
  readonly ids: PurchaseIds;
  readonly stockCache: StockCache;
  readonly batcher: PurchaseBatcher;
  readonly intake: Intake;
  readonly tracking: Tracking;
  readonly deadLetters: DeadLetters;
  readonly auditRun: Pick<AuditRun, 'run'>;
  readonly rushRun: Pick<RushRun, 'start' | 'stop' | 'state'>;
  readonly isDevelopment: boolean;
  readonly liveFigures: LiveFigures;
  readonly history: History;
  readonly sales: Sales;
  readonly productReader: ProductReader;
  readonly removeProduct: RemoveProduct;
  readonly stream: StockStream;
  readonly conclude: Conclude;
  /** Null: the server charges every order. */
  readonly buyerPayments: BuyerPayments | null;
  /** A call of the payment company while its buyer waits, at most (ms); 0 where the server charges every order. */
  readonly providerTimeoutMs: number;
  readonly clock: Clock;
  /** From a purchase's arrival to its answer, at most. */
  readonly purchaseTimeoutMs: number;
  /** A purchase that got nothing may be forgotten after this long. */
  readonly keepOutcomesMs: number;
  readonly metrics: Metrics;
  /** The metrics of all processes that share the port. Rejects `unavailable` when they cannot be gathered. */
  scrape(): Promise<readonly Family[]>;
  /** Null without a collector. */
  readonly traces?: Tracing | null;
  readonly log: Log;
  /** Who buys, where that is proved. */
  readonly buyers: Buyers;
  /** Origins whose pages may call buyers' routes; `*` alone: every one. */
  readonly corsOrigins?: readonly string[];
  /** Null: requests are not limited. */
  readonly limits?: Limits | null;
  /** Names of the backends, as `/actuator/health` shows them. */
  readonly healthNames: { readonly ledger: string; readonly queue: string; readonly gate?: string };
  /** What is behind each port, for `/actuator/info`. */
  readonly engines: Readonly<Record<string, string>>;
  readonly version: string;
  /** Whether this is a server for trying out, on which nothing is sold in earnest. */
  readonly development: boolean;
  readonly dataFolder: string;
  /** What of its settings, its host and its backends an operator should know: `doctor` from within. */
  examine(): Promise<readonly Check[]>;
  /** False from the moment a shutdown begins. */
  isReady(): boolean;
}
