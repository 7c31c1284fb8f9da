import { isExecutable } from '../lib/own-program.ts';
import type { Scripts } from './bundle.ts';

/** The scripts of the pages. Rejects with what the bundler said. */
export async function readScripts(): Promise<Scripts> {
  if (isExecutable) return (await import('./prebuilt.ts')).SCRIPTS_BUILT;
  return (await import('./bundle.ts')).bundleScripts();
}
