import { expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openEmbeddedStages } from './embedded-stages.ts';
import type { Stage } from './stage.ts';

test('a stage is gone when it was closed', async () => {
  const stage = await openEmbeddedStages().open();
  await (await stage.startServer()).stop();
  expect(existsSync(join(folderOf(stage), 'pulsecart.db'))).toBe(true);
  await stage.close();
  expect(existsSync(folderOf(stage))).toBe(false);
});

test('kept evidence outlives its stage: books, findings, and the logs of the servers', async () => {
  const stage = await openEmbeddedStages().open();
  const server = await stage.startServer();
  await server.stop();
  const folder = await stage.keep({ failed: ['oversold'] });
  await stage.close();
  try {
    // The next stage removes what it finds under the name of one that is over.
    expect(basename(folder)).toStartWith('pulsecart-evidence-');
    expect(existsSync(folderOf(stage))).toBe(false);
    expect(readdirSync(folder)).toContain('pulsecart.db');
    expect(JSON.parse(readFileSync(join(folder, 'findings.json'), 'utf8'))).toEqual({ failed: ['oversold'] });
    expect(readFileSync(join(folder, `server-${server.pid}.log`), 'utf8')).toContain('"msg":"ready"');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function folderOf({ books }: Stage): string {
  if (!('dataFolder' in books)) throw new Error('an embedded stage has a folder');
  return books.dataFolder;
}
