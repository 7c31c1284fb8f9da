import { readBooksPlace } from '../config.ts';
import { AppError } from '../domain/errors.ts';
import { toolsOf } from '../tools.ts';
import { readFlags } from './flags.ts';
import { printHelp } from './help.ts';

const FLAGS = {
  data: { kind: 'text', what: 'a folder' },
  check: { kind: 'switch' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart migrate: migrates the tables, without serving

  --data DIR   folder of the data of the embedded backends (PULSECART_DATA, ./data). Without it, and with DATABASE_URL
               set, it is that database
  --check      change nothing; exit status 1 when something is to be done
  --json       one JSON object {place, from, to, pending}

On PostgreSQL it is one transaction, for as long as it takes (a server that starts does the same, in at most a minute).
Servers of the previous release may keep running meanwhile and afterwards, unless CHANGELOG.md says that they must be stopped;
they cannot be started again. An embedded server has to be stopped first.
Example: pulsecart migrate --data ./data`;

export async function migrateCommand(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  const schema = await (await toolsOf(readBooksPlace(process.env, flags.data))).schema();
  const { place, version: from, latest: to } = schema;
  const pending = to - from;
  if (pending < 0) {
    throw new AppError(
      'unusable_store',
      `The tables ${place} have schema ${from}; this PulseCart knows schemas up to ${to}. Start the newer PulseCart that made them.`,
    );
  }
  if (pending > 0 && !flags.check) await schema.migrate();
  if (flags.json) console.log(JSON.stringify({ place, from, to, pending: flags.check ? pending : 0 }));
  else console.log(`  ${sentence(place, from, to, flags.check)}`);
  return flags.check && pending > 0 ? 1 : 0;
}

function sentence(place: string, from: number, to: number, check: boolean): string {
  if (from === to) return `The tables ${place} are up to date (schema ${to}).`;
  const what = from === 0 ? `no tables yet → schema ${to}` : `schema ${from} → ${to}`;
  return check ? `To be done ${place}: ${what}.` : `Done ${place}: ${what}.`;
}
