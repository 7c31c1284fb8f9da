import { readdirSync, readFileSync } from 'node:fs';
import { AppError } from '../domain/errors.ts';

/** A round number to advise, which carries the largest crowd and its viewers. */
const FILES_ADVISED = 65_536;

/** How many files this process may have open, connections included; null when that is not known. */
export function fileLimit(): number | null {
  try {
    const [, limit] =
      /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return limit === 'unlimited' ? Number.POSITIVE_INFINITY : limit ? Number(limit) : null;
  } catch {
    const { stdout } = Bun.spawnSync(['sh', '-c', 'ulimit -n']);
    return Number.parseInt(stdout.toString(), 10) || null;
  }
}

/** Throws `unavailable`, saying how to raise the limit, when `connections` more cannot be open at once. */
export function requireFiles(connections: number): void {
  const limit = fileLimit();
  if (limit === null || connections + openFiles() <= limit) return;
  throw new AppError(
    'unavailable',
    `${connections} connections are as many open files, and this process may have ${limit}. Run \`ulimit -n ${FILES_ADVISED}\` ` +
      'in the same shell first; where that is refused, root has to raise the hard limit (/etc/security/limits.conf, or LimitNOFILE= of a systemd unit)',
  );
}

/** 0 when not known: then the attempt itself shows. */
function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
