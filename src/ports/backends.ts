import type { Clock } from '../domain/clock.ts';
import type { NewProduct, Product } from '../domain/product.ts';
import type { BooksReader } from './books.ts';
import type { DecidingQueue } from './deciding-queue.ts';
import type { Feed } from './feed.ts';
import type { Gate } from './gate.ts';
import type { Ledger } from './ledger.ts';
import type { PaymentProvider } from './provider.ts';
import type { Found } from './queries.ts';
import type { Queue } from './queue.ts';

/** Sells what nobody else sees. For a second or two: it is a transaction. */
export interface ScratchLedger
  extends Pick<Ledger, 'decide' | 'products' | 'product' | 'describedProduct' | 'productsAfter'> {
  /** Takes back all that was sold. */
  leave(): Promise<void>;
}

/** The adapters that a process works with. */
export interface Backends {
  readonly ledger: Ledger;
  readonly gate: Gate;
  /** The gate's state, where it can fail. */
  readonly gateFigures?: { readonly isOpen: boolean; readonly openings: number };
  readonly queue: Queue;
  /** Where the queue is in the ledger's own store. */
  readonly decidingQueue?: DecidingQueue;
  readonly feed: Feed;
  readonly provider: PaymentProvider;
  readonly clock: Clock;
  /** Concurrency that pays off, by kind of work. */
  readonly atOnce: {
    /** Batches of purchases at the ledger. */
    readonly purchaseBatches: number;
    /** Messages of accepted purchases at the queue. */
    readonly publishes: number;
    /** Batches of queued purchases being decided. */
    readonly workerBatches: number;
  };
  /** The backend behind each port, for display. */
  readonly names: Readonly<Record<'ledger' | 'gate' | 'queue' | 'feed' | 'payments', string>>;
  /** All backends in one line, for a server started on a terminal. */
  readonly description: string;
  /** Component names in `/actuator/health`; a gate without one is in-process. */
  readonly healthNames: { readonly ledger: string; readonly queue: string; readonly gate?: string };
  /**
   * Puts `products` on sale for this process alone, to sell them with the code and the connections of the ledger and leave nothing. Each
   * call of `madeUpId` is the id of another one that no shop has.
   */
  openScratch?(products: readonly NewProduct[], madeUpId: () => number): Promise<ScratchLedger>;
  close(): Promise<void>;
}

/** The tables of a service, to be migrated without serving. */
export interface Schema {
  /** For people, with its preposition and without secrets: `in the folder ./data`. */
  readonly place: string;
  /** 0: no tables yet. */
  readonly version: number;
  readonly latest: number;
  migrate(): Promise<void>;
}

/** A requirement of a server, and its state. */
export interface Check {
  readonly name: string;
  /** `note`: a server starts nevertheless, but an operator should know. */
  readonly state: 'ok' | 'note' | 'broken';
  readonly detail: string;
  /** The most that it allows, where that is a number. */
  readonly limit?: number;
}

/** The store of products, for adding some without a server. */
export interface ProductStore extends Pick<Ledger, 'product' | 'createProduct'> {
  /** For people, with its preposition and without secrets: `in the folder ./data`. */
  readonly place: string;
  close(): Promise<void>;
}

/** A count of stored items, shown before they are deleted. */
export interface ContentCount {
  readonly what: string;
  readonly count: number;
}

/** The data of a service without running processes, to be deleted. */
export interface Wipe {
  /** For people, with its preposition and without secrets: `in the folder ./data`. */
  readonly place: string;
  /** Empty where there is nothing to delete. */
  contents(): Promise<readonly ContentCount[]>;
  /**
   * Deletes PulseCart's data and nothing else. After a killed wipe the service can be started or wiped again. Throws
   * AppError `unusable_store` when a process has started to use the data.
   */
  wipe(): Promise<void>;
  close(): Promise<void>;
}

/** The books as an auditor reads them. */
export interface OpenedBooks extends BooksReader {
  product(productId: number): Promise<Product | undefined>;
  find(purchaseIds: readonly string[]): Promise<Map<string, Found>>;
  close(): Promise<void>;
}

/** The durable store for commands that run without a server, possibly beside running servers. */
export interface StoreTools {
  /** Rejects with AppError `unusable_store` for tables that only a newer PulseCart knows. */
  schema(): Promise<Schema>;
  /** Rejects with AppError `unusable_store` while a server uses the folder of the embedded backends. */
  productStore(): Promise<ProductStore>;
  /** A copy is read as of `atMs`, the moment it was made. */
  books(atMs?: number): Promise<OpenedBooks>;
  /** Read-only. */
  examine(): Promise<Omit<Check, 'name'>>;
}
