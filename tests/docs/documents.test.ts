import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Glob } from 'bun';
import packageJson from '../../package.json' with { type: 'json' };
import { ROOT } from '../support/command.ts';
import { documents, readDocument } from './documents.ts';

/** Six minutes. */
const ARCHITECTURE_WORDS_MAX = 1_200;

const sources = [...new Glob('{src,bench,bin}/**/*.{ts,mjs,sql}').scanSync(ROOT)]
  .map(readDocument)
  .join('\n');

describe.each(documents())('%s', (path) => {
  const text = readDocument(path);
  const prose = text.replace(/^```.*?^```/gms, '');

  test('links to files and headings that exist', () => {
    // What stands between backquotes may look like a link, and is none.
    const links = [...prose.replace(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(
      ([, target]) => target!,
    );
    expect(links.filter((target) => !/^https?:/.test(target) && !leadsSomewhere(path, target))).toEqual([]);
  });

  test('names paths that exist', () => {
    const named = [...prose.matchAll(/`((?:src|test|docs|bin)\/[\w./-]*\w\/?)`/g)].map(([, name]) => name!);
    expect(named.filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
  });

  test('calls npm scripts that exist', () => {
    const called = [...text.matchAll(/npm (?:run (?:--silent )?([\w:]+)|(start|test))\b/g)];
    const scripts = Object.keys(packageJson.scripts);
    expect(called.map(([, run, short]) => run ?? short).filter((name) => !scripts.includes(name!))).toEqual(
      [],
    );
  });
});

test('ARCHITECTURE.md maps every folder of src, and no other', () => {
  const mapped = [...readDocument('ARCHITECTURE.md').matchAll(/^\| \[`src\/([\w-]+)\/`\]/gm)].map(
    ([, name]) => name!,
  );
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  expect(mapped.toSorted()).toEqual(folders.map(({ name }) => name).toSorted());
});

test('ARCHITECTURE.md can be read at one sitting', () => {
  expect(readDocument('ARCHITECTURE.md').split(/\s+/).length).toBeLessThanOrEqual(ARCHITECTURE_WORDS_MAX);
});

test('docs/dependencies.md has each dependency with its version', () => {
  const rows = [...readDocument('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| ([\d.]+) \|/gm)];
  expect(Object.fromEntries(rows.map(([, name, version]) => [name, version]))).toEqual({
    ...packageJson.dependencies,
    ...packageJson.devDependencies,
  });
});

test('docs/operating.md quotes start-up errors that the program can say', () => {
  const table = readDocument('docs/operating.md').split('| the line says | so |')[1]!.split('\n\n')[0]!;
  const quotes = [...table.matchAll(/^\| (.+?) \|/gm)].flatMap(
    ([, cell]) => cell!.match(/(?<=`)[^`]{3,}(?=`)/g)!,
  );
  const fragments = quotes.flatMap((quote) => quote.split('…')).map((part) => part.trim());
  expect(fragments.length).toBeGreaterThan(15);
  expect(fragments.filter((part) => /\w/.test(part) && !sources.includes(part))).toEqual([]);
});

test('docs/reliability.md names verdicts that the audit and the demo give', () => {
  const table = readDocument('docs/reliability.md').split('## Fault by fault')[0]!;
  const verdicts = [...table.matchAll(/(?<!\*)\*([^*\n]+)\*(?!\*)/g)].map(([, name]) => name!);
  expect(verdicts.length).toBeGreaterThan(15);
  expect(
    verdicts.filter((name) => !sources.includes(`'${name}'`) && !sources.includes(`\`${name} of`)),
  ).toEqual([]);
});

function leadsSomewhere(from: string, target: string): boolean {
  const [file, heading] = target.split('#') as [string, string?];
  const path = file === '' ? from : join(dirname(from), file);
  if (!existsSync(join(ROOT, path))) return false;
  return heading === undefined || headingsOf(readDocument(path)).includes(heading);
}

/** Anchors as GitHub makes them. */
function headingsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
