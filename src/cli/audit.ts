import { readConfig } from '../config.ts';
import type { OpenBooks } from './engines.ts';
import { readFlags } from './flags.ts';

const FLAGS = {
  data: { kind: 'text', what: 'a folder' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart audit: proves that the books balance

  --data DIR   folder of the data, of a running server or a stopped one   (PULSECART_DATA, ./data)
  --json       one JSON object {pass, verdicts: [{name, pass, detail}]}

Exit status 1 when something does not balance.
Example: pulsecart audit --data ./data --json`;

export async function auditCommand(argv: readonly string[], openBooks: OpenBooks): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    console.log(HELP);
    return 0;
  }
  const books = await openBooks(readConfig(process.env, { data: flags.data }).dataFolder);
  const verdicts = await books.audit();
  await books.close();
  const pass = verdicts.every((verdict) => verdict.pass);
  if (flags.json) {
    console.log(JSON.stringify({ pass, verdicts }));
  } else {
    for (const { name, pass, detail } of verdicts) {
      console.log(`  ${pass ? 'PASS' : 'FAIL'}  ${name.padEnd(42)}${detail}`);
    }
    console.log('  Not seen here: answers that clients were given (the demo checks those).');
  }
  return pass ? 0 : 1;
}
