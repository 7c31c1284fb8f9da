import type { BooksPlace, Config } from '../config.ts';
import type { Clock } from '../domain/clock.ts';
import type { Product } from '../domain/product.ts';
import type { Verdict } from '../domain/verdict.ts';
import type { Feed } from '../ports/feed.ts';
import type { Gate } from '../ports/gate.ts';
import type { Found, Ledger } from '../ports/ledger.ts';
import type { PaymentProvider } from '../ports/provider.ts';
import type { Queue } from '../ports/queue.ts';
import type { Log } from '../telemetry/log.ts';

/** The adapters a command works with, opened by main, which alone knows which ones they are. */
export interface Engines {
  readonly ledger: Ledger;
  readonly gate: Gate;
  /** How the gate fares, where it can be in trouble. */
  readonly gateFigures?: { readonly isOpen: boolean; readonly openings: number };
  readonly queue: Queue;
  readonly feed: Feed;
  readonly provider: PaymentProvider;
  readonly clock: Clock;
  /** How much of each is worth having under way at once. */
  readonly atOnce: {
    /** Batches of the desk at the ledger. */
    readonly deskBatches: number;
    /** Messages of accepted purchases at the queue. */
    readonly publishes: number;
    /** Batches of queued purchases being decided. */
    readonly workerBatches: number;
  };
  /** What is behind each port, for people. */
  readonly names: Readonly<Record<string, string>>;
  /** All of it in one line, for whoever starts a server on a terminal. */
  readonly description: string;
  /** Component names in `/actuator/health`; a gate without one is part of the process. */
  readonly healthNames: { readonly ledger: string; readonly queue: string; readonly gate?: string };
  close(): Promise<void>;
}

export type OpenEngines = (config: Config, log: Log) => Promise<Engines>;

/** The tables of a house, for whoever brings them up to date without serving. */
export interface Schema {
  /** For people, with its preposition and without secrets: `in the folder ./data`. */
  readonly place: string;
  /** 0: there are no tables yet. */
  readonly version: number;
  readonly latest: number;
  migrate(): Promise<void>;
  close(): Promise<void>;
}

/** Throws AppError `unusable_store` for tables that only a newer PulseCart knows. */
export type OpenSchema = (place: BooksPlace) => Promise<Schema>;

/** Something that a server needs, as it was found. */
export interface Finding {
  readonly name: string;
  /** `note`: a server starts with it, and somebody should know. */
  readonly state: 'ok' | 'note' | 'broken';
  readonly detail: string;
}

/** Looks at each engine that is configured, and changes nothing. What is wrong is a finding, never a rejection. */
export type ExamineEngines = (config: Config) => Promise<Finding[]>;

/** Where products stand, for whoever puts some there without a server. */
export interface Shelf extends Pick<Ledger, 'product' | 'createProduct'> {
  /** For people, with its preposition and without secrets: `in the folder ./data`. */
  readonly place: string;
  close(): Promise<void>;
}

/** Throws AppError `unusable_store` while a server uses the folder of the embedded engines. */
export type OpenShelf = (place: BooksPlace) => Promise<Shelf>;

/** What a house keeps, as whoever is about to delete it should know. */
export interface Belonging {
  readonly what: string;
  readonly count: number;
}

/** A house that nobody works in, to be deleted. */
export interface Wipe {
  /** For people, with its preposition and without secrets: `in the folder ./data`. */
  readonly place: string;
  /** Empty where there is nothing to delete. */
  belongings(): Promise<readonly Belonging[]>;
  /**
   * Deletes what is PulseCart's and nothing else. Killed on the way it has left a house that may be started, and that may
   * be wiped again. Throws AppError `unusable_store` when somebody has come to work in it.
   */
  wipe(): Promise<void>;
  close(): Promise<void>;
}

/** Throws AppError `unusable_store` while a server or a worker uses the house. */
export type OpenWipe = (config: Config) => Promise<Wipe>;

/** The books as an auditor reads them. */
export interface OpenedBooks {
  product(productId: number): Promise<Product | undefined>;
  find(purchaseIds: readonly string[]): Promise<Map<string, Found>>;
  /** The customers who have orders of a product, one for each order. */
  customersOf(productId: number): Promise<string[]>;
  audit(): Promise<Verdict[]>;
  close(): Promise<void>;
}

/** Opens books for reading, beside servers that may be running. A copy is audited as of the moment it was made. */
export type OpenBooks = (place: BooksPlace, atMs?: number) => Promise<OpenedBooks>;

/**
 * Writes what the embedded engines keep in `folder`, as of one moment, as `pulsecart.db` into `into`, beside a server that may
 * be running; for its owner alone, and on disk. Throws AppError `unusable_store` where there is nothing to copy, and
 * `unavailable` when it cannot be written.
 */
export type CopyStore = (
  folder: string,
  into: string,
) => Promise<{ readonly file: string; readonly atMs: number }>;
