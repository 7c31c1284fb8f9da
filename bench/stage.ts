import type { Env, ServerProcess } from './server-process.ts';

/** Fresh books for one sale or one workload, and the servers that are started on them. */
export interface Stage {
  /** Where the books are, for whoever reads them beside the servers. */
  readonly books: { readonly dataFolder: string } | { readonly databaseUrl: string };
  /** What only a stage on the production engines has. */
  readonly production: ProductionStage | null;
  startServer(env?: Env, options?: { readonly instances?: number }): Promise<ServerProcess>;
  /** CPU time that each engine has used so far, where engines are processes of their own. */
  enginesCpuMs(): EnginesCpuMs | null;
  /** Resolves once the engines rest, so that what they do behind a workload does not slow the next one. */
  quiet(): Promise<void>;
  /**
   * Keeps the books for those who ask what went wrong, together with `findings` and the logs of all servers; answers in
   * which folder.
   */
  keep(findings: unknown): Promise<string>;
  /** Removes the books, unless they are to be kept. Servers have ended by then. */
  close(): Promise<void>;
}

export interface ProductionStage {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  startWorker(env?: Env): Promise<ServerProcess>;
}

export type EnginesCpuMs = Readonly<Record<string, number>>;

/** Engines on which one stage after the other is opened. */
export interface Stages {
  /** What is behind each port, by its own word. */
  readonly engines: Readonly<Record<'ledger' | 'gate' | 'queue' | 'payments', string>>;
  open(): Promise<Stage>;
  close(): Promise<void>;
}

export const ENGINE_CHOICES = ['embedded', 'production'] as const;
export type EngineChoice = (typeof ENGINE_CHOICES)[number];

/** The production engines are private ones: started now, gone with `close`. Each side is loaded only when it is used. */
export async function openStages(choice: EngineChoice): Promise<Stages> {
  return choice === 'production'
    ? (await import('./production-stages.ts')).openProductionStages()
    : (await import('./embedded-stages.ts')).openEmbeddedStages();
}
