import { join } from 'node:path';

/** In the one file that `npm run build` makes, modules lie in a file system of Bun's own. */
export const isExecutable = /^\/\$bunfs\/|~BUN/.test(import.meta.dir);

const MAIN = join(import.meta.dir, '..', 'main.ts');

/**
 * The command that starts this program again, as a child that ends with its parent however that ends. `flags` are Bun's own,
 * which a checkout needs; an executable has them built in (bin/executable.mjs).
 */
export function ownProgram(args: readonly string[], flags: readonly string[]): string[] {
  if (isExecutable) return [process.execPath, ...args];
  return [process.execPath, ...new Set(['--no-orphans', ...flags]), MAIN, ...args];
}
