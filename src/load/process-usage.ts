import { readFileSync } from 'node:fs';

/** Linux counts CPU time for user space in hundredths of a second on every common architecture. */
const MS_PER_TICK = 10;

/** What a process has used so far; null where there is no /proc (or no such process) to tell. */
export interface ProcessUsage {
  /** User and system time of all its threads since it started. */
  readonly cpuMs: number;
  readonly rssMb: number;
  /** The most memory it ever held at once. */
  readonly rssPeakMb: number;
}

export function readProcessUsage(pid: number): ProcessUsage | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return {
      cpuMs: cpuMsFromStat(readFileSync(`/proc/${pid}/stat`, 'utf8')),
      rssMb: megabytes(status, 'VmRSS'),
      rssPeakMb: megabytes(status, 'VmHWM'),
    };
  } catch {
    return null;
  }
}

/**
 * CPU time since the machine started, all cores together, that a virtual machine's host gave to others while this one
 * had work for it (proc(5), `steal`); null where there is no /proc. It explains figures that nothing in here explains.
 */
export function readStolenMs(): number | null {
  try {
    const [, ...ticks] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.split(/\s+/);
    return Number(ticks[7] ?? 0) * MS_PER_TICK;
  } catch {
    return null;
  }
}

/** Fields 14 and 15 of /proc/PID/stat, counted after the command name, which may itself hold spaces (proc(5)). */
export function cpuMsFromStat(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

function megabytes(status: string, field: string): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  return Math.round(Number(kilobytes ?? 0) / 102.4) / 10;
}
