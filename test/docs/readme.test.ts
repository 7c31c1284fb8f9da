import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { ROOT, runToEnd } from '../support/command.ts';
import { type EmbeddedShop, openShop } from '../support/shop.ts';
import { readDocument } from './documents.ts';
import { type Example, examplesIn, Told } from './walk.ts';

const readme = readDocument('README.md');
const PRINTED_URL = 'http://127.0.0.1:8080';
/** The walk is on the embedded engines, whatever the `.env` says that a developer has here. */
const NO_ENGINES = { DATABASE_URL: '', REDIS_URL: '', RABBITMQ_URL: '' };
/** For charges and outcomes that come in the background. */
const DEADLINE_MS = 10_000;

const toolsMissing = ['curl', 'bash', 'npm'].filter((tool) => Bun.which(tool) === null);
if (toolsMissing.length > 0) {
  console.warn(`README walk skipped: it needs ${toolsMissing.join(' and ')} on the PATH`);
}

describe.skipIf(toolsMissing.length > 0)('the walk of the README', () => {
  let shop: EmbeddedShop;
  const told = new Told();

  beforeAll(async () => {
    shop = await openShop();
  });
  afterAll(() => shop[Symbol.asyncDispose]());

  // In their order: each one builds on those before.
  for (const example of examplesIn(readme)) {
    test(example.command.replace(/\s+/g, ' '), async () => {
      const deadline = performance.now() + DEADLINE_MS;
      let printed = told.asPrinted(await run(example), example);
      // A question may be asked again until the background has done its part; anything else is done once.
      while (printed !== example.output && isQuestion(example) && performance.now() < deadline) {
        printed = told.asPrinted(await run(example), example);
      }
      expect(printed).toBe(example.output);
    });
  }

  async function run({ command }: Example): Promise<string> {
    const real = told.withRealIds(command).replaceAll(PRINTED_URL, shop.url);
    const { stdout } = await runToEnd(['bash', '-c', real], {
      cwd: ROOT,
      env: { ...NO_ENGINES, PULSECART_DATA: shop.folder },
    });
    return stdout;
  }

  test('is on a server that has every metric that docs/operating.md names', async () => {
    const { names } = (await shop.get('/actuator/metrics')).json as { names: string[] };
    // A role of PostgreSQL is named there, too.
    const named = readDocument('docs/operating.md').match(/\b(?:pulsecart|nodejs)_(?!app\b)\w+/g)!;
    const known = (name: string) =>
      names.includes(name.replace(/_(bucket|sum|count)$/, '')) || names.includes(name);
    expect(named.filter((name) => !known(name))).toEqual([]);
  });

  test('has a purchase of each kind, a sell-out, and an audit', () => {
    const commands = examplesIn(readme)
      .map(({ command }) => command)
      .join('\n');
    for (const part of [
      'sync/purchase',
      'async/purchase',
      'reset?stock',
      'orders/',
      'queue/status',
      'audit',
    ]) {
      expect(commands).toContain(part);
    }
  });
});

function isQuestion({ command }: Example): boolean {
  return !/ -d | -X /.test(command);
}
