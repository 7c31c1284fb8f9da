import { expect, test } from 'bun:test';
import { readDocument } from './documents.ts';
import { examplesIn } from './examples.ts';
import { walkThrough } from './walk.ts';

const readme = readDocument('README.md');

walkThrough('the walk of the README', readme, (shop) => {
  test('is on a server that has every metric that docs/operating.md names', async () => {
    const { names } = (await shop().get('/actuator/metrics')).json as { names: string[] };
    // A role of PostgreSQL is named there, too.
    const named = readDocument('docs/operating.md').match(/\b(?:pulsecart|nodejs)_(?!app\b)\w+/g)!;
    const known = (name: string) =>
      names.includes(name.replace(/_(bucket|sum|count)$/, '')) || names.includes(name);
    expect(named.filter((name) => !known(name))).toEqual([]);
  });
});

test('P6 the README installs once, before anything is started: npm ci would delete node_modules under a running server', () => {
  const installs = [...readme.matchAll(/^npm ci.*$/gm)];
  expect(installs.map(([line]) => line)).toEqual(['npm ci']);
  expect(installs[0]!.index).toBeLessThan(readme.search(/^npm (start|run)/m));
});

test('the README shows a purchase of each kind, a sell-out, and an audit', () => {
  const commands = examplesIn(readme)
    .map(({ command }) => command)
    .join('\n');
  for (const part of ['sync/purchase', 'async/purchase', 'reset?stock', 'orders/', 'queue/status', 'audit']) {
    expect(commands).toContain(part);
  }
});
