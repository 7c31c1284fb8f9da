import { rename } from 'node:fs/promises';
import { makeOwnFolder, removeFolder } from '../src/lib/own-folder.ts';
import { collectArtifacts, makeArtifactsFolder } from './artifacts.ts';
import type { Environment, Environments } from './environment.ts';
import { undoneWhenInterrupted } from './interrupted.ts';
import { killServers, startServer } from './server-process.ts';

/** Each environment is a data folder; the backends live in the server. */
export function openEmbeddedEnvironments(): Environments {
  return {
    backends: { ledger: 'sqlite', gate: 'memory', queue: 'sqlite', payments: 'simulator' },
    open: openEnvironment,
    async close() {},
  };
}

async function openEnvironment(): Promise<Environment> {
  const dataFolder = makeOwnFolder('pulsecart-stage-');
  const isClosed = undoneWhenInterrupted(async () => {
    // A server that still writes would create files during the removal.
    await killServers();
    removeFolder(dataFolder);
  });
  const artifacts = collectArtifacts();
  return {
    books: { dataFolder },
    distributed: null,
    startServer: (env = {}, options = {}) => artifacts.of(startServer({ dataFolder, env, ...options })),
    backendsCpuMs: () => null,
    async quiet() {},
    async keep(findings) {
      // Under its own name the next environment would mistake it for a leftover.
      const folder = await makeArtifactsFolder();
      await rename(dataFolder, folder);
      await artifacts.write(folder, findings);
      return folder;
    },
    async close() {
      isClosed();
      removeFolder(dataFolder);
    },
  };
}
