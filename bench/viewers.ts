import type { Socket } from 'bun';
import { requireFiles } from '../src/lib/file-limit.ts';
import type { Target } from './connection.ts';
import type { OpenProfile } from './profiles.ts';
import { bearer, targetOf } from './requests.ts';

/** A product event, as a viewer of the crowd receives it. */
export interface Heard {
  readonly available: number;
  readonly version: number;
}

export interface ViewersOptions {
  readonly target: Target;
  readonly productId: number;
  readonly count: number;
  /** Sent with each request, for a server that limits what comes from one address. */
  readonly operatorToken?: string | null;
  /** Receives each viewer's events after the snapshot: its state before and after. */
  readonly onChange?: (before: Heard, now: Heard, atMs: number) => void;
}

/** Viewers of one product's live stream, thousands of them in this process. */
export interface Viewers {
  /** Viewers with an open connection. */
  open(): number;
  /** Events that came after the snapshots. */
  events(): number;
  /** Bytes that came after the snapshots, below TLS and TCP. */
  bytes(): number;
  /** Events whose version did not rise; there should be none. */
  fallen(): number;
  close(): void;
}

/** Connections opened at once; a server's listen backlog holds 512. */
const OPENING_MAX = 100;
/** Longer than a server takes for this on a slow machine. */
const SNAPSHOTS_TIMEOUT_MS = 60_000;
const LOOK_EVERY_MS = 10;

/** Viewers that one process can hold beside a crowd. */
const BESIDE_A_CROWD_MAX = 10_000;

/** The viewers of a profile beside `users` buyers, perhaps none. */
export function openViewersBeside(
  { viewersPerBuyer }: OpenProfile,
  users: number,
  url: string,
  productId: number,
  operatorToken: string | null = null,
): Promise<Viewers> {
  const count = Math.min(BESIDE_A_CROWD_MAX, Math.round(users * viewersPerBuyer));
  return openViewers({ target: targetOf(url), productId, count, operatorToken });
}

/** Resolves when every viewer has its snapshot. */
export async function openViewers(options: ViewersOptions): Promise<Viewers> {
  const { target, productId, count, onChange, operatorToken = null } = options;
  requireFiles(count);
  const crowd = new Set<Socket<Viewer>>();
  const { hostname, port, host } = target;
  const request = `GET /api/v1/stock/stream?products=${productId} HTTP/1.1\r\nHost: ${host}\r\n${bearer(operatorToken)}\r\n`;
  let informed = 0;
  let events = 0;
  let bytes = 0;
  let fallen = 0;

  function hear(viewer: Viewer, chunk: Buffer): void {
    if (viewer.knows) bytes += chunk.length;
    const now = lastIn(chunk);
    if (!now) return;
    const before = viewer.knows;
    viewer.knows = now;
    if (!before) {
      informed++;
      return;
    }
    events++;
    if (now.version <= before.version) fallen++;
    onChange?.(before, now, performance.now());
  }

  const socket = {
    open: (one: Socket<Viewer>) => {
      crowd.add(one);
      one.write(request);
    },
    data: (one: Socket<Viewer>, chunk: Buffer) => hear(one.data, chunk),
    close: (one: Socket<Viewer>) => void crowd.delete(one),
    error: (one: Socket<Viewer>) => void crowd.delete(one),
  };
  for (let opened = 0; opened < count; opened += OPENING_MAX) {
    const some = Math.min(OPENING_MAX, count - opened);
    await Promise.all(
      Array.from({ length: some }, () =>
        Bun.connect<Viewer>({ hostname, port, data: { knows: null }, socket }),
      ),
    );
  }
  const deadlineMs = performance.now() + SNAPSHOTS_TIMEOUT_MS;
  while (informed < count && crowd.size === count && performance.now() < deadlineMs) {
    await Bun.sleep(LOOK_EVERY_MS);
  }
  const viewers: Viewers = {
    open: () => crowd.size,
    events: () => events,
    bytes: () => bytes,
    fallen: () => fallen,
    close() {
      for (const one of crowd) one.terminate();
    },
  };
  if (informed < count) {
    viewers.close();
    throw new Error(`${informed} of ${count} viewers got a snapshot`);
  }
  return viewers;
}

interface Viewer {
  knows: Heard | null;
}

/**
 * The newest event of a chunk; an event is far smaller than one write of a server, so it arrives whole. Fields may stand between those
 * that are read.
 */
function lastIn(chunk: Buffer): Heard | null {
  const at = chunk.lastIndexOf('"available":');
  if (at < 0) return null;
  const [, available, version] =
    /^"available":(\d+),[^}]*?"version":(\d+)/.exec(chunk.toString('latin1', at, at + 120)) ?? [];
  return version === undefined ? null : { available: Number(available), version: Number(version) };
}
