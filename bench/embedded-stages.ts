import { rename } from 'node:fs/promises';
import { makeOwnFolder, removeFolder } from '../src/lib/own-folder.ts';
import { gatherEvidence, makeEvidenceFolder } from './evidence.ts';
import { undoneWhenInterrupted } from './interrupted.ts';
import { killServers, startServer } from './server-process.ts';
import type { Stage, Stages } from './stage.ts';

/** Each stage is a data folder; the engines live in the server. */
export function openEmbeddedStages(): Stages {
  return {
    engines: { ledger: 'sqlite', gate: 'memory', queue: 'sqlite', payments: 'simulator' },
    open: openStage,
    async close() {},
  };
}

async function openStage(): Promise<Stage> {
  const dataFolder = makeOwnFolder('pulsecart-stage-');
  const isClosed = undoneWhenInterrupted(async () => {
    // A server that writes on would make files behind the one that removes them.
    await killServers();
    removeFolder(dataFolder);
  });
  const evidence = gatherEvidence();
  return {
    books: { dataFolder },
    production: null,
    startServer: (env = {}, { instances = 1 } = {}) =>
      evidence.of(startServer({ dataFolder, env, instances })),
    enginesCpuMs: () => null,
    async quiet() {},
    async keep(findings) {
      // Under its own name the next stage would take it for one that was left.
      const folder = await makeEvidenceFolder();
      await rename(dataFolder, folder);
      await evidence.write(folder, findings);
      return folder;
    },
    async close() {
      isClosed();
      removeFolder(dataFolder);
    },
  };
}
