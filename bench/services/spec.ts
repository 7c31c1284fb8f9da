import type { Subprocess } from 'bun';
import type { RunAs, Workspace } from './workspace.ts';

/** One backend: its packages, how it is run, and how it is probed. */
export interface ServiceSpec {
  /** In Debian and Ubuntu. */
  readonly packageName: string;
  readonly image: Image;
  url(port: number): string;
  /** Asks the program on that port for its name; rejects while none answers. */
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
export interface NativePrograms extends RunAs {
  isInstalled(): boolean;
  /** How many it listens on; clients use the first. */
  readonly ports: number;
  /** The name that this workspace's backend will answer: another program may have taken the port first. */
  self(workspace: Workspace): string;
  /** Creates settings and data in the empty folder. */
  initialise(workspace: Workspace): Promise<void> | void;
  /** Starts its processes. */
  start(workspace: Workspace): Promise<Subprocess[]> | Subprocess[];
}
