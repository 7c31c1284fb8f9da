#!/usr/bin/env node
// `pulsecart <command>`: the program is TypeScript and runs on the pinned Bun.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitLike, runBun } from './bun.mjs';
import { withEnvFiles } from './env-file.mjs';

const main = join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'main.ts');
exitLike(await runBun(['--no-env-file', main, ...process.argv.slice(2)], withEnvFiles(process.env)));
