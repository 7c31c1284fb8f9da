import type { Clock } from '../domain/clock.ts';
import type { PurchaseIds } from '../domain/ids.ts';
import type { Gate } from '../gate/gate.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Live } from '../live/live.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Rates } from '../observe/rates.ts';
import type { AuditRun } from '../operations/audit-run.ts';
import type { DeadLetters } from '../operations/dead-letters.ts';
import type { Acceptance } from '../purchase/acceptance.ts';
import type { Catalogue } from '../purchase/catalogue.ts';
import type { Conclude } from '../purchase/conclude.ts';
import type { PurchaseDesk } from '../purchase/desk.ts';
import type { Tracking } from '../purchase/tracking.ts';
import type { Queue } from '../queue/queue.ts';
import type { Sales } from '../sales/sales.ts';
import type { Endings } from '../settlement/endings.ts';
import type { OperatorAccess } from './operator.ts';

/** What the routes need of the house behind them. */
export interface Service {
  readonly ledger: Ledger;
  readonly gate: Gate;
  readonly queue: Queue;
  readonly ids: PurchaseIds;
  readonly catalogue: Catalogue;
  readonly desk: PurchaseDesk;
  readonly acceptance: Acceptance;
  readonly tracking: Tracking;
  readonly deadLetters: DeadLetters;
  readonly auditRun: Pick<AuditRun, 'run'>;
  readonly rates: Pick<Rates, 'now'>;
  readonly sales: Sales;
  readonly endings: Endings;
  readonly live: Live;
  readonly conclude: Conclude;
  readonly clock: Clock;
  /** From a purchase's arrival to its answer, at most. */
  readonly purchaseTimeoutMs: number;
  /** A purchase that got nothing may be forgotten after this long. */
  readonly keepOutcomesMs: number;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Who may call operator routes. */
  readonly operators: OperatorAccess;
  /** Names of the engines, as `/actuator/health` shows them. */
  readonly healthNames: { readonly ledger: string; readonly queue: string; readonly gate?: string };
  /** What is behind each port, for `/actuator/info`. */
  readonly engines: Readonly<Record<string, string>>;
  readonly version: string;
  readonly dataFolder: string;
  /** False from the moment a shutdown begins. */
  isReady(): boolean;
}
