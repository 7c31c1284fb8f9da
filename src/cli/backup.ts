import { closeSync, existsSync, fsyncSync, linkSync, openSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { audit } from '../app/ops/audit.ts';
import { readBooksPlace } from '../config.ts';
import { AppError } from '../domain/errors.ts';
import type { Verdict } from '../domain/verdict.ts';
import { makeOwnFolder, removeFolder } from '../lib/own-folder.ts';
import { copyStore, toolsOf } from '../tools.ts';
import { readFlags, UsageError } from './flags.ts';
import { printHelp } from './help.ts';

const FLAGS = {
  data: { kind: 'text', what: 'a folder' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart backup FILE: a copy of the data of the embedded backends, audited

  FILE         where to; a new file, for its owner alone, in a folder that is there
  --data DIR   folder of the data, of a running server or a stopped one (PULSECART_DATA, ./data)
  --json       one JSON object {file, bytes, pass, verdicts: [{name, pass, detail}]}

The copy is of one moment, and a running server goes on selling. Exit status 1 when the books in the copy do not balance; it
is kept then, for that is how they are.
Example: pulsecart backup ./pulsecart-backup.db --data ./data`;

export async function backup(argv: readonly string[]): Promise<number> {
  const isNamed = /^[^-]/.test(argv[0] ?? '');
  const flags = readFlags(isNamed ? argv.slice(1) : argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  if (!isNamed)
    throw new UsageError('backup takes the file to write first, such as backup ./pulsecart-backup.db');
  const place = readBooksPlace(process.env, flags.data);
  if ('databaseUrl' in place) {
    throw new UsageError(
      'backup copies the data of the embedded backends, and DATABASE_URL is set: back up PostgreSQL with pg_dump or pg_basebackup. With --data it is that folder',
    );
  }
  const file = requireNew(argv[0]!);
  const copied = await copyAndAudit(place.dataFolder, file);
  const failed = copied.verdicts.filter((verdict) => !verdict.pass);
  const pass = failed.length === 0;
  if (flags.json) console.log(JSON.stringify({ ...copied, pass }));
  else console.log(describe(copied, failed));
  return pass ? 0 : 1;
}

interface Copied {
  readonly file: string;
  readonly bytes: number;
  readonly verdicts: readonly Verdict[];
}

function requireNew(given: string): string {
  const file = resolve(given);
  const folder = dirname(file);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`There is no folder ${folder} to put the backup into: make it first`);
  }
  if (existsSync(file)) throw alreadyThere(file);
  return file;
}

/** The name leads to a complete, audited copy or to nothing, even after a kill in between. */
async function copyAndAudit(dataFolder: string, file: string): Promise<Copied> {
  const unfinished = makeOwnFolder(`.${basename(file)}.unfinished-`, dirname(file));
  // Ctrl-C ends the process without the rest of this function.
  const clean = () => removeFolder(unfinished);
  process.once('exit', clean);
  try {
    const { file: copy, atMs } = await copyStore(dataFolder, unfinished);
    const { size: bytes } = statSync(copy);
    const books = await (await toolsOf({ dataFolder: unfinished })).books(atMs);
    const verdicts = audit(await books.read());
    await books.close();
    putInPlace(copy, file);
    return { file, bytes, verdicts };
  } finally {
    process.off('exit', clean);
    clean();
  }
}

/** Links the copy to its name, because a link, unlike a rename, replaces no file. */
function putInPlace(copy: string, file: string): void {
  try {
    linkSync(copy, file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw alreadyThere(file);
    throw new AppError('unavailable', `The copy cannot be put into its place: ${(cause as Error).message}`, {
      cause,
    });
  }
  // The name has to be durable as well.
  const folder = openSync(dirname(file), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function alreadyThere(file: string): UsageError {
  return new UsageError(`${file} is there already, and a backup overwrites nothing: name a new file`);
}

function describe({ file, bytes, verdicts }: Copied, failed: readonly Verdict[]): string {
  const size = `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  if (failed.length === 0) return `  ${file}: ${size}, audited: all ${verdicts.length} verdicts pass`;
  const lines = failed.map(({ name, detail }) => `  FAIL  ${name.padEnd(42)}${detail}`.trimEnd());
  return [`  ${file}: ${size}, and its books do not balance:`, ...lines].join('\n');
}
