import { expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openEmbeddedEnvironments } from './embedded-environments.ts';
import type { Environment } from './environment.ts';

test('an environment is gone when it was closed', async () => {
  const environment = await openEmbeddedEnvironments().open();
  await (await environment.startServer()).stop();
  expect(existsSync(join(folderOf(environment), 'pulsecart.db'))).toBe(true);
  await environment.close();
  expect(existsSync(folderOf(environment))).toBe(false);
});

test('kept artifacts outlive their environment: books, findings, and the logs of the servers', async () => {
  const environment = await openEmbeddedEnvironments().open();
  const server = await environment.startServer();
  await server.stop();
  const folder = await environment.keep({ failed: ['no oversell'] });
  await environment.close();
  try {
    // The next environment removes what it finds under the name of one that is over.
    expect(basename(folder)).toStartWith('pulsecart-evidence-');
    expect(existsSync(folderOf(environment))).toBe(false);
    expect(readdirSync(folder)).toContain('pulsecart.db');
    expect(JSON.parse(readFileSync(join(folder, 'findings.json'), 'utf8'))).toEqual({
      failed: ['no oversell'],
    });
    expect(readFileSync(join(folder, `server-${server.pid}.log`), 'utf8')).toContain('"msg":"ready"');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function folderOf({ books }: Environment): string {
  if (!('dataFolder' in books)) throw new Error('an embedded environment has a folder');
  return books.dataFolder;
}
