import type { Config } from '../config.ts';
import type { Clock } from '../domain/clock.ts';
import type { Product } from '../domain/product.ts';
import type { Verdict } from '../domain/verdict.ts';
import type { Gate } from '../gate/gate.ts';
import type { Found, Ledger } from '../ledger/ledger.ts';
import type { Log } from '../observe/log.ts';
import type { PaymentProvider } from '../payments/provider.ts';
import type { Queue } from '../queue/queue.ts';

/** The adapters a command works with, opened by main, which alone knows which ones they are. */
export interface Engines {
  readonly ledger: Ledger;
  readonly gate: Gate;
  readonly queue: Queue;
  readonly provider: PaymentProvider;
  readonly clock: Clock;
  /** Batches worth having at the ledger at once, and publishes at the queue. */
  readonly batchesInFlightMax: number;
  readonly publishesInFlightMax: number;
  /** What is behind each port, for people. */
  readonly names: Readonly<Record<string, string>>;
  /** Component names in `/actuator/health`. */
  readonly healthNames: { readonly ledger: string; readonly queue: string };
  close(): Promise<void>;
}

export type OpenEngines = (config: Config, log: Log) => Promise<Engines>;

/** A data folder as an auditor reads it. */
export interface OpenedBooks {
  product(productId: number): Promise<Product | undefined>;
  find(purchaseIds: readonly string[]): Promise<Map<string, Found>>;
  audit(): Promise<Verdict[]>;
  close(): Promise<void>;
}

/** Opens the books in a data folder for reading, beside a server that may be running. */
export type OpenBooks = (dataFolder: string) => Promise<OpenedBooks>;
