import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { MACHINE, ROOT, runToEnd } from '../support/command.ts';
import { type EmbeddedShop, eventually, openShop } from '../support/shop.ts';
import { type Example, examplesIn, masked, PRINTED_URL, Told, withoutFigures } from './examples.ts';

const START = /^((?:\w+=\w+ )*)npm start$/;
/** The walk is on the embedded backends, whatever the `.env` says that a developer has here. */
const NO_ENGINES = { DATABASE_URL: '', REDIS_URL: '', RABBITMQ_URL: '' };
/** For charges and outcomes that come in the background. */
const DEADLINE_MS = 10_000;

/**
 * Runs what a document shows in its `console` blocks, one command after the other on one server, and compares what they print.
 * Ids, times and the figures of a rush are not compared. `npm start` starts the server again on the same data, with the
 * settings in front of it. `more` adds tests that run on the same server afterwards.
 */
export function walkThrough(
  name: string,
  markdown: string,
  more: (shop: () => EmbeddedShop) => void = () => {},
): void {
  const toolsMissing = ['curl', 'bash', 'npm'].filter((tool) => Bun.which(tool) === null);
  if (toolsMissing.length > 0) {
    console.warn(`${name} skipped: it needs ${toolsMissing.join(' and ')} on the PATH`);
  }

  describe.skipIf(toolsMissing.length > 0)(name, () => {
    let shop: EmbeddedShop;
    const examples = examplesIn(markdown);
    const told = new Told();
    const beside: { readonly example: Example; readonly watch: Watch }[] = [];

    beforeAll(async () => {
      shop = await openShop();
    });
    afterAll(async () => {
      await shop[Symbol.asyncDispose]();
      // What watches a server ends with it.
      for (const { watch } of beside) await watch.ended;
    });

    // In their order: each one builds on those before.
    for (const example of examples) {
      test(example.command.replace(/\s+/g, ' '), async () => {
        const [, settings] = START.exec(example.command) ?? [];
        if (settings !== undefined)
          await shop.restart(Object.fromEntries(new URLSearchParams(settings.trim().replaceAll(' ', '&'))));
        else if (example.isBeside) {
          const watch = watching(real(example), shop);
          beside.push({ example, watch });
          // A viewer that came later than the next change would never see what was before. Its pipe may hold back what it saw.
          await eventually(async () => (await viewersOf(shop)) === beside.length);
        } else await compare(example);
      });
    }

    if (examples.some(({ isBeside }) => isBeside)) {
      test('what goes on beside it shows what the document shows', async () => {
        const missing = () =>
          beside.flatMap(({ example, watch }) =>
            leftOver(linesOf(example.output), linesOf(masked(watch.seen()))),
          );
        await eventually(() => missing().length === 0).catch(() => {});
        expect(missing()).toEqual([]);
      });
    }

    more(() => shop);

    async function compare(example: Example): Promise<void> {
      const deadline = performance.now() + DEADLINE_MS;
      let printed = told.asPrinted(await run(example), example);
      // A question may be asked again until the background has done its part; anything else is done once.
      while (printed !== example.output && isQuestion(example) && performance.now() < deadline) {
        printed = told.asPrinted(await run(example), example);
      }
      expect(printed).toBe(example.output);
    }

    async function run(example: Example): Promise<string> {
      const { stdout } = await runToEnd(['bash', '-c', real(example)], { cwd: ROOT, env: envOf(shop) });
      return withoutFigures(example.command, stdout);
    }

    function real({ command }: Example): string {
      return told
        .withRealIds(command)
        .replaceAll(PRINTED_URL, shop.url)
        .replaceAll(' data/', ` ${shop.folder}/`);
    }
  });
}

function envOf({ folder, url }: EmbeddedShop): Record<string, string> {
  return { ...NO_ENGINES, PULSECART_DATA: folder, PORT: new URL(url).port };
}

async function viewersOf(shop: EmbeddedShop): Promise<number> {
  return (await shop.get('/actuator/metrics/pulsecart_stream_connections')).json.measurements[0].value;
}

interface Watch {
  seen(): string;
  readonly ended: Promise<void>;
}

/** Something that goes on in another terminal. */
function watching(command: string, shop: EmbeddedShop): Watch {
  const child = Bun.spawn(['bash', '-c', command], {
    cwd: ROOT,
    env: { ...MACHINE, ...envOf(shop) },
    stdout: 'pipe',
    stderr: 'ignore',
  });
  let text = '';
  const decoder = new TextDecoder();
  const ended = (async () => {
    for await (const chunk of child.stdout) text += decoder.decode(chunk, { stream: true });
  })();
  return { seen: () => text, ended };
}

/** The lines of `expected` from the first one on that does not follow the ones before it in `seen`. */
function leftOver(expected: readonly string[], seen: readonly string[]): readonly string[] {
  let next = 0;
  for (const line of seen) if (line === expected[next]) next++;
  return expected.slice(next);
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

function isQuestion({ command }: Example): boolean {
  return !/ -d | -X | rush\b/.test(command);
}
