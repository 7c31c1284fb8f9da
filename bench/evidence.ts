import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerProcess } from './server-process.ts';

/** What the servers of a stage leave behind for those who ask what went wrong. */
export interface Evidence {
  /** Remembers a server that is starting. */
  of(starting: Promise<ServerProcess>): Promise<ServerProcess>;
  /** Writes `findings.json`, and a log for each server. */
  write(folder: string, findings: unknown): Promise<void>;
}

export function gatherEvidence(): Evidence {
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

/** Stays until somebody has read it. */
export function makeEvidenceFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'pulsecart-evidence-'));
}
