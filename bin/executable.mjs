// What `npm run build` makes into one file: the launcher's work (bin/pulsecart.mjs), done by the program itself.
import { withEnvFiles } from './env-file.mjs';

// A child of its own inherits what its parent has read.
if (process.env.PULSECART_ENV_SOURCES === undefined) Object.assign(process.env, withEnvFiles(process.env));
// Read by Bun at a process's start, so only by children: they end with this process, however it ends.
process.env.BUN_OPTIONS = '--no-orphans';
await import('../src/main.ts');
