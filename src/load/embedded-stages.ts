import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gatherEvidence } from './evidence.ts';
import { startServer } from './server-process.ts';
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
  const dataFolder = await mkdtemp(join(tmpdir(), 'pulsecart-stage-'));
  const evidence = gatherEvidence();
  let kept = false;
  return {
    books: { dataFolder },
    production: null,
    startServer: (env = {}, { instances = 1 } = {}) =>
      evidence.of(startServer({ dataFolder, env, instances })),
    enginesCpuMs: () => null,
    async quiet() {},
    async keep(findings) {
      kept = true;
      await evidence.write(dataFolder, findings);
      return dataFolder;
    },
    async close() {
      if (!kept) await rm(dataFolder, { recursive: true, force: true });
    },
  };
}
