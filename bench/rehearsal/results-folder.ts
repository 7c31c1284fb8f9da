import { existsSync, mkdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../src/cli/flags.ts';
import { markdownOf } from '../report/markdown.ts';
import { pageOf } from '../report/page.ts';
import type { RehearsalResult } from './rehearsal.ts';
import { rehearsalContent } from './rehearsal-content.ts';

const JSON_FILE = 'rehearsal.json';

export interface ResultsFolder {
  readonly path: string;
  write(result: RehearsalResult): void;
  /** Removes the folder where nothing was written into it. */
  close(): void;
}

/** Makes the folder, and proves that it can be written before anything is sent. Throws UsageError. */
export function openResultsFolder(path: string): ResultsFolder {
  const file = join(path, JSON_FILE);
  let isNew: boolean;
  try {
    isNew = mkdirSync(path, { recursive: true }) !== undefined;
    // An empty one was left by a rehearsal that was killed.
    writeFileSync(file, '', { flag: isEmpty(file) ? 'w' : 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code !== 'EEXIST' ? message : existsSync(file) ? `${file} is there already` : `${path} is a file`;
    throw new UsageError(`--out cannot be written: ${why}. No crowd was sent`);
  }
  let isWritten = false;
  return {
    path,
    write(result) {
      writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
      const content = rehearsalContent(result);
      writeFileSync(join(path, 'rehearsal.md'), markdownOf(content));
      writeFileSync(join(path, 'rehearsal.html'), pageOf(content));
      isWritten = true;
    },
    close() {
      if (isWritten) return;
      rmSync(file);
      if (isNew) rmdirSync(path);
    },
  };
}

function isEmpty(file: string): boolean {
  try {
    return statSync(file).size === 0;
  } catch {
    return false;
  }
}
