import { join } from 'node:path';
import { EXAMPLE_ORIGIN } from '../../src/http/docs/example-request.ts';
import type { GuideOperation } from '../../src/http/docs/guide.ts';
import { backendsChoice } from './backends-choice.ts';
import { MACHINE, runToEnd } from './command.ts';
import { temporaryFolder } from './folder.ts';
import { installMissing } from './services/install.ts';
import type { EmbeddedShop } from './shop.ts';

export type SampleLanguage = 'javascript' | 'python';

/** What runs the code of a language, and how its files are called. */
interface Runtime {
  readonly program: string;
  readonly extension: string;
  /** Runs each of the files that it is given, and prints the first word that each one printed. */
  readonly runner: string;
}

/** Null where this machine has no Python with `requests`, and gets none. */
export async function runtimeOf(language: SampleLanguage): Promise<Runtime | null> {
  if (language === 'javascript')
    return { program: Bun.which('node') ?? process.execPath, extension: 'mjs', runner: JAVASCRIPT_RUNNER };
  const find = () => ['python3', DEBIANS_PYTHON].find(hasRequests);
  if (!find() && backendsChoice(process.env) === 'production') await installMissing(['python3-requests']);
  const program = find();
  return program ? { program, extension: 'py', runner: PYTHON_RUNNER } : null;
}

const DEBIANS_PYTHON = '/usr/bin/python3';

function hasRequests(python: string): boolean {
  return Bun.which(python) !== null && Bun.spawnSync([python, '-c', 'import requests']).success;
}

const JAVASCRIPT_RUNNER = `
for (const file of process.argv.slice(2)) {
  const printed = [];
  const { log } = console;
  console.log = (...words) => printed.push(...words);
  await import(file);
  console.log = log;
  console.log(printed[0]);
}`;

const PYTHON_RUNNER = `
import contextlib, io, runpy, sys
for file in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        runpy.run_path(file)
    print(printed.getvalue().split()[0])
`;

/** Runs the code of each operation as a reader would who has pasted it into a file; answers the statuses that it printed. */
export async function statusesOf(
  shop: EmbeddedShop,
  language: SampleLanguage,
  { program, extension, runner }: Runtime,
  operations: readonly GuideOperation[],
): Promise<readonly string[]> {
  using folder = temporaryFolder();
  const files = operations.map(({ id }) => join(folder.path, `${id}.${extension}`));
  for (const [i, { samples }] of operations.entries())
    await Bun.write(files[i]!, samples[language].replaceAll(EXAMPLE_ORIGIN, shop.url));
  const run = join(folder.path, `run.${extension}`);
  await Bun.write(run, runner);
  const { exit, stdout, stderr } = await runToEnd([program, run, ...files], { env: envOf(shop) });
  if (exit !== 0) throw new Error(`The ${language} of ${operations.map(({ id }) => id)}: ${stderr}`);
  return stdout.trim().split('\n');
}

/** Runs code that follows a stream, until it has printed what is looked for; answers false where it ends before. */
export async function printsOfStream(
  shop: EmbeddedShop,
  language: SampleLanguage,
  { program, extension }: Runtime,
  { id, samples }: GuideOperation,
  wanted: RegExp,
): Promise<boolean> {
  using folder = temporaryFolder();
  const file = join(folder.path, `${id}.${extension}`);
  await Bun.write(file, samples[language].replaceAll(EXAMPLE_ORIGIN, shop.url));
  // Python keeps what goes into a pipe back until there is enough of it.
  const env = { ...MACHINE, ...envOf(shop), PYTHONUNBUFFERED: '1' };
  const child = Bun.spawn([program, file], { env, stdout: 'pipe', stderr: 'inherit', timeout: 20_000 });
  try {
    let printed = '';
    const decoder = new TextDecoder();
    for await (const part of child.stdout) {
      printed += decoder.decode(part, { stream: true });
      if (wanted.test(printed)) return true;
    }
    return false;
  } finally {
    child.kill();
    await child.exited;
  }
}

function envOf({ server }: EmbeddedShop): Record<string, string> {
  return { PULSECART_OPERATOR_TOKEN: server.operatorToken! };
}
