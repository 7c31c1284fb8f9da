import type { Subprocess } from 'bun';
import type { Home } from './home.ts';

/** What one engine's name stands for: where it comes from, how it is run, how it is asked. */
export interface EngineKind {
  /** In Debian and Ubuntu. */
  readonly packageName: string;
  readonly image: Image;
  url(port: number): string;
  /** Speaks to whoever listens on that port; resolves to what it calls itself, rejects while nobody answers. */
  whoAnswers(port: number): Promise<string>;
  readonly native: NativePrograms;
}

/** Run by Docker. */
export interface Image {
  readonly name: string;
  /** Inside. */
  readonly port: number;
  readonly options: readonly string[];
  readonly command: readonly string[];
}

/** Run by us. */
export interface NativePrograms {
  isInstalled(): boolean;
  /** Made by its package. Root's engines run as it; PostgreSQL refuses to run as root. */
  readonly account: string;
  /** What ends it and leaves nothing behind in the system. */
  readonly endsWith: 'SIGKILL' | 'SIGQUIT';
  /** How many it listens on; clients use the first. */
  readonly ports: number;
  /** What the engine that lives here will call itself: somebody else may have been faster in taking the port. */
  self(home: Home): string;
  /** Makes settings and data in the empty folder. */
  initialise(home: Home): Promise<void> | void;
  /** Starts its processes. */
  start(home: Home): Promise<Subprocess[]> | Subprocess[];
}
