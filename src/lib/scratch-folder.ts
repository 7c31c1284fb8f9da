import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { makeOwnFolder, removeLeftFolders } from './own-folder.ts';

/** Where a server that warms up has its scratch store: in memory where Linux keeps files there, unless TMPDIR names another place. */

const PREFIX = 'pulsecart-warm-';

/** Throws `unavailable` when none can be made. */
export function makeScratchFolder(): string {
  return makeOwnFolder(PREFIX, place());
}

/** Those of servers that were killed while they warmed up. */
export function removeLeftScratchFolders(): void {
  removeLeftFolders(PREFIX, place());
}

function place(): string {
  const place = tmpdir();
  return place === '/tmp' && existsSync('/dev/shm') ? '/dev/shm' : place;
}
