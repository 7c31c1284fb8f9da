import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { freePorts } from './ports.ts';

const PORTS = 120;
const ASKS = `
  const { freePorts } = await import(${JSON.stringify(join(import.meta.dir, 'ports.ts'))});
  console.log(JSON.stringify(await freePorts(${PORTS})));
  for await (const _ of console) break;`;

test('a port is given once, however many ask at the same moment, here or in another process', async () => {
  await using other = Bun.spawn([process.execPath, '-e', ASKS], { stdin: 'pipe', stdout: 'pipe' });
  const theirs = other.stdout.getReader().read();
  const ours = await Promise.all(Array.from({ length: PORTS }, () => freePorts(3)));
  const ports = [...ours.flat(), ...JSON.parse(new TextDecoder().decode((await theirs).value))];
  expect(ports).toHaveLength(4 * PORTS);
  expect(new Set(ports).size).toBe(ports.length);
});
