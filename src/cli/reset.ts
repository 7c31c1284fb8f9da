import { createInterface } from 'node:readline/promises';
import { readStoreConfig } from '../config.ts';
import type { ContentCount } from '../ports/backends.ts';
import { openWipe } from '../tools.ts';
import { readFlags, UsageError } from './flags.ts';
import { printHelp } from './help.ts';
import { removeOwnToken } from './own-token.ts';

const FLAGS = {
  data: { kind: 'text', what: 'a folder' },
  yes: { kind: 'switch' },
  force: { kind: 'switch' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart reset: deletes everything, back to a first start

  --data DIR   folder of the data of the embedded backends (PULSECART_DATA, ./data). Without it, and with DATABASE_URL,
               REDIS_URL and RABBITMQ_URL set, it is those backends
  --yes        do not ask; needed where there is no terminal to ask on
  --force      needed in production mode
  --json       one JSON object {place, deleted: [{what, count}]}; with --yes

Deletes products, orders, keys, queues, logs and the server's own token of operators, and no foreign data. Refused while a
server uses them. After an interruption run it again. For a new generation of units in a running sale use the API.
Example: pulsecart reset --data ./data --yes`;

/** Ctrl-C or Ctrl-D instead of an answer. */
const CLOSED = '';
/** The confirmation to type. */
const YES = 'yes';

export async function reset(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  const config = readStoreConfig(process.env, flags.data);
  if (config.mode === 'production' && !flags.force) {
    throw new UsageError('Production mode: everything would be lost. Add --force to confirm');
  }
  if (!flags.yes && !(process.stdin.isTTY && process.stdout.isTTY && !flags.json)) {
    throw new UsageError('There is no terminal to confirm the deletion. Add --yes to delete everything');
  }
  const wipe = await openWipe(config);
  try {
    const contents = await wipe.contents();
    if (!flags.json) console.log(describe(wipe.place, contents));
    if (!flags.yes && contents.length > 0 && !(await asked())) {
      console.log('  Nothing was deleted.');
      return 1;
    }
    await wipe.wipe();
    removeOwnToken(config.dataFolder);
    if (flags.json) console.log(JSON.stringify({ place: wipe.place, deleted: contents }));
    else if (contents.length > 0) console.log('  Deleted. The next start is a first start.');
    return 0;
  } finally {
    await wipe.close();
  }
}

function describe(place: string, contents: readonly ContentCount[]): string {
  if (contents.length === 0) return `  There is nothing to delete ${place}.`;
  const lines = contents.map(({ what, count }) => `${count.toLocaleString('en-US').padStart(13)}  ${what}`);
  return [`  Everything ${place}:`, ...lines].join('\n');
}

async function asked(): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve(CLOSED)));
  // A closed terminal (Ctrl-C, Ctrl-D) is no confirmation.
  const answer = await Promise.race([
    terminal.question(`  Delete all of it? Type "${YES}" to go on: `),
    closed,
  ]);
  terminal.close();
  // The question's line has no end yet.
  if (answer === CLOSED) console.log();
  return answer.trim().toLowerCase() === YES;
}
