import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEntry } from '../../domain/audit-entry.ts';
import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { NO_RUSH, type Rush, type RushProgress, type RushRequest } from '../../domain/rush.ts';
import type { Housekeeping } from '../../ports/housekeeping.ts';
import type { RushChild } from './rush-child.ts';

/**
 * Sends crowds at this very service, one at a time across all processes. The process that was asked runs the crowd, and notes how
 * far it is in the ledger twice a second; so every process can tell, and can ask for its end.
 */
export interface RushRun {
  /** Null while another one runs. `url` is where the crowd goes. */
  start(entry: AuditEntry, request: RushRequest, url: string): Promise<Rush | null>;
  /** Calls the crowd back, wherever it runs; answers the state at this moment, which may be that none runs. */
  stop(entry: AuditEntry): Promise<Rush>;
  state(): Promise<Rush>;
  /** Ends one that runs here, and refuses those to come. */
  close(): Promise<void>;
}

export interface RushRunDependencies {
  readonly ledger: Pick<Housekeeping, 'holdLead' | 'leaveLead' | 'log' | 'setNote' | 'note'>;
  readonly clock: Clock;
  /** This process, as the owner of leader leases. */
  readonly owner: string;
  readonly child: (
    url: string,
    request: RushRequest,
    onProgress: (progress: RushProgress) => void,
  ) => RushChild;
  readonly noteEveryMs?: number;
}

const JOB = 'rush';
/** How far the last one is, with its id. */
const NOTE = 'rush';
/** The id of the one that is to end. */
const STOP_NOTE = 'rush.stop';
const NOTE_EVERY_MS = 500;
/** A process that has not noted anything for so long has died; its lease ends then, too. */
const SILENT_MS = 10_000;
/** Around the arrivals: its start, half a minute for the last outcomes, and the look-up of 50,000 orders. */
const MARGIN_MS = 120_000;
const LATE = 'It took too long.';

export function createRushRun(dependencies: RushRunDependencies): RushRun {
  const { ledger, clock, owner, child: startChild, noteEveryMs = NOTE_EVERY_MS } = dependencies;
  let closed = false;
  let rush: Rush = NO_RUSH;
  let running: { readonly id: string; readonly child: RushChild; readonly ended: Promise<void> } | null =
    null;
  let isStarting = false;
  /** Why it ends before its time. */
  let reason: string | null = null;

  async function begin(id: string, request: RushRequest, url: string): Promise<void> {
    reason = null;
    rush = { ...NO_RUSH, state: 'running', startedAt: Math.round(clock()), request };
    // Before the answer: every process knows of it from then on.
    await tell(id);
    if (closed) throw leaving();
    const child = startChild(url, request, (progress) => {
      rush = { ...rush, progress };
    });
    running = { id, child, ended: see(id, child, request) };
  }

  async function see(id: string, child: RushChild, request: RushRequest): Promise<void> {
    const over = new AbortController();
    const limit = setTimeout(() => {
      reason = LATE;
      child.kill();
    }, limitMs(request));
    const noting = note(id, child, over.signal);
    try {
      const result = await child.result;
      rush = { ...rush, state: reason === null ? 'done' : 'stopped', result, message: reason };
    } catch (error) {
      const message = reason ?? (error as Error).message;
      rush = { ...rush, state: reason === null || reason === LATE ? 'failed' : 'stopped', message };
    }
    clearTimeout(limit);
    over.abort();
    await noting;
    rush = { ...rush, endedAt: Math.round(clock()) };
    // An end that cannot be noted reads as that of a process that went silent.
    await tell(id).catch(() => {});
    await ledger.leaveLead(JOB, owner).catch(() => {});
    running = null;
  }

  function tell(id: string): Promise<void> {
    return ledger.setNote(NOTE, JSON.stringify({ id, rush } satisfies Noted));
  }

  /** Notes how far it is, and looks whether another process wants its end, until it is over. */
  async function note(id: string, child: RushChild, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await sleep(noteEveryMs, undefined, { signal: over }).catch(() => {});
      if (over.aborted) return;
      try {
        await ledger.holdLead(JOB, owner, SILENT_MS);
        await tell(id);
        if ((await ledger.note(STOP_NOTE))?.value === id) callBack(child);
      } catch {
        // The next one tells as much.
      }
    }
  }

  function callBack(child: RushChild): void {
    if (reason !== null) return;
    reason = 'An operator stopped it.';
    child.callBack();
  }

  async function last(): Promise<Noted> {
    if (running) return { id: running.id, rush };
    const note = await ledger.note(NOTE);
    if (note === null) return { id: '', rush: NO_RUSH };
    const noted = JSON.parse(note.value) as Noted;
    if (noted.rush.state !== 'running' || note.ageMs < SILENT_MS) return noted;
    return {
      ...noted,
      rush: { ...noted.rush, state: 'failed', message: 'The process that ran it has ended.' },
    };
  }

  return {
    state: async () => (await last()).rush,
    async start(entry, request, url) {
      if (closed) throw leaving();
      if (running || isStarting) return null;
      isStarting = true;
      try {
        if (!(await ledger.holdLead(JOB, owner, SILENT_MS))) return null;
        await ledger.log(entry);
        await begin(entry.id, request, url);
        return rush;
      } catch (error) {
        await ledger.leaveLead(JOB, owner).catch(() => {});
        throw error;
      } finally {
        isStarting = false;
      }
    },
    async stop(entry) {
      const { id, rush: now } = await last();
      if (now.state !== 'running') return now;
      await ledger.log(entry);
      if (running) callBack(running.child);
      else await ledger.setNote(STOP_NOTE, id);
      return now;
    },
    async close() {
      closed = true;
      if (!running) return;
      reason ??= 'The server was stopped.';
      running.child.kill();
      await running.ended;
    },
  };
}

interface Noted {
  readonly id: string;
  readonly rush: Rush;
}

function leaving(): AppError {
  return new AppError('unavailable', 'No crowd is sent from here: the server is leaving.');
}

function limitMs({ users, rate }: RushRequest): number {
  return (users / rate) * 1_000 + MARGIN_MS;
}
