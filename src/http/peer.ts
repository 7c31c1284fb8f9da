import { readFileSync } from 'node:fs';

/** The sockets of this machine, by proc(5). Both, because a caller of IPv4 is listed in the first wherever we listen. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
const ROOT = 0;

/**
 * Whether the process at the other end of a loopback connection belongs to the user that we run as, or to root. A proxy on the
 * same machine mostly has an account of its own. Systems that do not tell (others than Linux) are taken at the connection's word.
 */
export function isOwnUser(callerPort: number, ownPort: number): boolean {
  if (process.platform !== 'linux') return true;
  const users = TABLES.flatMap((table) => usersIn(readTable(table), callerPort, ownPort));
  return users.length > 0 && users.every((user) => user === ROOT || user === process.getuid?.());
}

function readTable(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // A kernel without IPv6 has no table of it.
    return '';
  }
}

/** The users of the sockets from that port to the other: columns 2, 3 and 8 (local, remote, uid). */
function usersIn(table: string, localPort: number, remotePort: number): number[] {
  return table.split('\n').flatMap((line) => {
    const [, local, remote, , , , , user] = line.trim().split(/\s+/);
    return portOf(local) === localPort && portOf(remote) === remotePort ? [Number(user)] : [];
  });
}

function portOf(address = ''): number {
  return Number.parseInt(address.slice(address.indexOf(':') + 1), 16);
}
