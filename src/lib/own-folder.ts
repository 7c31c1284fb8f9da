import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../domain/errors.ts';

/** Folders made by this process: in a container its predecessor may have had the same pid. */
const made = new Set<string>();

/**
 * A new folder in `place` for files that end with this process. First removes the folders of the same prefix that dead
 * processes left behind. Throws `unavailable` when none can be made.
 */
export function makeOwnFolder(prefix: string, place = tmpdir(), label = ''): string {
  try {
    removeLeftFolders(prefix, place);
    const folder = mkdtempSync(join(place, `${prefix}${process.pid}-${label}`));
    made.add(folder);
    return folder;
  } catch (cause) {
    throw new AppError('unavailable', `No folder can be made in ${place}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Those that dead processes left behind. */
export function removeLeftFolders(prefix: string, place: string): void {
  for (const name of readdirSync(place)) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    const folder = join(place, name);
    if (Number.isNaN(pid) || made.has(folder) || (pid !== process.pid && exists(pid))) continue;
    try {
      removeFolder(folder);
    } catch {
      // Another account's folder, or another process removed it first.
    }
  }
}

/** Also where there is no /proc to look at. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
