import type { Env, ServerOptions, ServerProcess } from './server-process.ts';

/** Fresh books for one sale or one workload, and the servers that are started on them. */
export interface Environment {
  /** The place of the books, to be read beside the servers. */
  readonly books: { readonly dataFolder: string } | { readonly databaseUrl: string };
  /** Null in an embedded environment. */
  readonly distributed: DistributedEnvironment | null;
  startServer(env?: Env, options?: Pick<ServerOptions, 'instances' | 'bunFlags'>): Promise<ServerProcess>;
  /** CPU time of each backend so far, where backends are processes of their own. */
  backendsCpuMs(): BackendsCpuMs | null;
  /** Resolves once the backends are idle, so that one workload's background work does not slow the next one. */
  quiet(): Promise<void>;
  /**
   * Keeps the books, `findings` and the logs of all servers for the analysis of a failure; returns the folder.
   */
  keep(findings: unknown): Promise<string>;
  /** Removes the books, unless they are to be kept. The servers have ended before. */
  close(): Promise<void>;
}

export interface DistributedEnvironment {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  startWorker(env?: Env): Promise<ServerProcess>;
}

export type BackendsCpuMs = Readonly<Record<string, number>>;

/** Backends on which one environment after the other is opened. */
export interface Environments {
  /** The backend of each port, by its own name and version. */
  readonly backends: Readonly<Record<'ledger' | 'gate' | 'queue' | 'payments', string>>;
  open(): Promise<Environment>;
  close(): Promise<void>;
}
