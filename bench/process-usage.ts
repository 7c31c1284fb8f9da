import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { familyOf } from './services/processes.ts';

/** Linux counts CPU time for user space in hundredths of a second on every common architecture. */
const MS_PER_TICK = 10;

/** Resource usage of processes so far. */
export interface ProcessUsage {
  /** User and system time of all their threads since they started, and of their children that have ended. */
  readonly cpuMs: number;
  readonly rssMb: number;
  /** The sum of each one's peak memory. */
  readonly rssPeakMb: number;
}

/** The usage of a process and its descendants; null when unknown. */
export function readFamilyUsage(pid: number): ProcessUsage | null {
  return process.platform === 'linux' ? readUsage(familyOf(pid)) : null;
}

/** The sum over these processes; null without /proc, or without any of the processes. */
export function readUsage(pids: readonly number[]): ProcessUsage | null {
  const usages = pids.flatMap((pid) => readOne(pid) ?? []);
  if (usages.length === 0) return null;
  const sum = (field: keyof ProcessUsage) => usages.reduce((all, usage) => all + usage[field], 0);
  return { cpuMs: sum('cpuMs'), rssMb: sum('rssMb'), rssPeakMb: sum('rssPeakMb') };
}

function readOne(pid: number): ProcessUsage | null {
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

/** A thread of a process. */
export interface ThreadUsage {
  /** As the runtime called it. */
  readonly name: string;
  readonly cpuMs: number;
}

/** The living threads of a process by their id, which is the process's own for its first; empty without /proc. */
export function readThreads(pid: number): Map<number, ThreadUsage> {
  const threads = new Map<number, ThreadUsage>();
  const folder = `/proc/${pid}/task`;
  if (!existsSync(folder)) return threads;
  for (const id of readdirSync(folder)) {
    try {
      const stat = readFileSync(`${folder}/${id}/stat`, 'utf8');
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      threads.set(Number(id), { name, cpuMs: cpuMsFromStat(stat) });
    } catch {
      // The thread has just ended.
    }
  }
  return threads;
}

/**
 * CPU time since the machine started, all cores together, that a virtual machine's host gave to other machines while this
 * one had work (proc(5), `steal`); null without /proc. It explains figures that have no cause in here.
 */
export function readStolenMs(): number | null {
  try {
    const [, ...ticks] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.split(/\s+/);
    return Number(ticks[7] ?? 0) * MS_PER_TICK;
  } catch {
    return null;
  }
}

/**
 * Fields 14 to 17 of /proc/PID/stat, counted after the command name, which may itself hold spaces (proc(5)): its own time,
 * and that of the children it has seen end, so that the sum over a family never falls.
 */
export function cpuMsFromStat(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks * MS_PER_TICK;
}

function megabytes(status: string, field: string): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  return Math.round(Number(kilobytes ?? 0) / 102.4) / 10;
}
