import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerProcess } from './server-process.ts';

/** Logs of an environment's servers, kept with the findings of a failed run. */
export interface Artifacts {
  /** Remembers a server that is starting. */
  of(starting: Promise<ServerProcess>): Promise<ServerProcess>;
  /** Writes `findings.json`, and a log for each server. */
  write(folder: string, findings: unknown): Promise<void>;
}

export function collectArtifacts(): Artifacts {
  const servers: ServerProcess[] = [];
  return {
    async of(starting) {
      const server = await starting;
      servers.push(server);
      return server;
    },
    async write(folder, findings) {
      await writeFile(join(folder, 'findings.json'), JSON.stringify(findings, null, 2));
      for (const { pid, log, messages } of servers) {
        await writeFile(join(folder, `server-${pid}.log`), `${log()}${messages()}`);
      }
    },
  };
}

/** A folder that is never removed by us. */
export function makeArtifactsFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'pulsecart-evidence-'));
}
