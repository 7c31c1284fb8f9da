// `npm run build`: the whole program as one executable, dist/pulsecart, for this machine's system and processor. It needs
// neither Node nor node_modules. `npm run build -- <file>` writes it there instead.
import { mkdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { runBun } from './bun.mjs';
import { ROOT } from './check/run.mjs';

const outfile = resolve(process.argv[2] ?? join(ROOT, 'dist', 'pulsecart'));
mkdirSync(dirname(outfile), { recursive: true });
process.chdir(ROOT);
const { code, signal } = await runBun([
  'build',
  '--compile',
  '--minify-syntax',
  '--minify-whitespace',
  // The program reads `.env` itself (bin/env-file.mjs), and takes nothing else from the folder it is started in.
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
  // A thread's file is looked for beside the file that starts it, and all of those become one.
  '--entry-naming=[name].[ext]',
  `--outfile=${outfile}`,
  'bin/executable.mjs',
  'src/adapters/sqlite/store-thread.ts',
]);
if (signal || code) process.exit(code || 1);
const { size } = statSync(outfile);
console.log(`${relative(ROOT, outfile)}  ${(size / 1e6).toFixed(0)} MB`);
