import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Glob } from 'bun';
import { ROOT } from '../support/command.ts';

/** A file of the project by its path from the root. */
export function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Every document of the project, by its path from the root. */
export function documents(): string[] {
  return ['*.md', 'docs/**/*.md'].flatMap((pattern) => [...new Glob(pattern).scanSync(ROOT)]).toSorted();
}
