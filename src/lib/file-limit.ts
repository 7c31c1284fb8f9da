import { readFileSync } from 'node:fs';

/** How many files this process may have open; null where that is not known. */
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
