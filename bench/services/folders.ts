import { chownSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { makeOwnFolder } from '../../src/lib/own-folder.ts';

const PREFIX = 'pulsecart-engine-';

/** An account of this machine. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** A new folder for one backend's settings, data and log, owned by its account. */
export function makeFolder(name: string, owner: Account | null): string {
  const folder = makeOwnFolder(PREFIX, tmpdir(), `${name}-`);
  if (owner) chownSync(folder, owner.uid, owner.gid);
  return folder;
}

/** The account to run as: the backend's own for root, and the user's own otherwise. */
export function accountFor(name: string): Account | null {
  if (process.getuid?.() !== 0) return null;
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [account, , uid, gid] = line.split(':');
    if (account === name) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return null;
}
