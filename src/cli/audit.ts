import { audit } from '../app/ops/audit.ts';
import { type BooksPlace, readBooksPlace } from '../config.ts';
import { toolsOf } from '../tools.ts';
import { readFlags } from './flags.ts';
import { printHelp } from './help.ts';
import { coloured, print } from './terminal.ts';

const FLAGS = {
  data: { kind: 'text', what: 'a folder' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart audit: proves that the books balance

  --data DIR   folder of the data of the embedded backends, of a running server or a stopped one
               (PULSECART_DATA, ./data). Without it, and with DATABASE_URL set, that database is read
  --json       one JSON object {pass, books, verdicts: [{name, pass, detail}]}

Exit status 1 when something does not balance.
Example: pulsecart audit --data ./data --json`;

export async function auditCommand(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  const place = readBooksPlace(process.env, flags.data);
  const opened = await (await toolsOf(place)).books();
  const verdicts = audit(await opened.read());
  await opened.close();
  const pass = verdicts.every((verdict) => verdict.pass);
  const books = nameOf(place);
  if (flags.json) {
    console.log(JSON.stringify({ pass, books, verdicts }));
  } else {
    // On stderr, beside the verdicts: with DATABASE_URL set an operator should see that these are not the books of ./data.
    // Bun paints what `console.error` writes red.
    console.warn(`pulsecart audit: the books are ${books}`);
    for (const { name, pass, detail } of verdicts) {
      const mark = pass ? coloured('PASS', 'green') : coloured('FAIL', 'red');
      print(pass ? `  ${mark}  ${name.padEnd(42)}${detail}`.trimEnd() : `  ${mark}  ${name}: ${detail}`);
    }
    console.log('  Not seen here: answers that clients were given (the demo checks those).');
  }
  return pass ? 0 : 1;
}

/** Only host and database of a URL: the rest may contain a password. */
function nameOf(place: BooksPlace): string {
  if ('dataFolder' in place) return `in the folder ${place.dataFolder}`;
  const url = URL.parse(place.databaseUrl);
  return url ? `in the PostgreSQL database ${url.host}${url.pathname}` : 'those that DATABASE_URL names';
}
