/** The server's time, as near as the browser can tell. */
export interface ServerClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Learns from a time that the server has just said. `afresh` forgets what was learned, as after a computer's sleep. */
  heard(serverTime: string, afresh?: boolean): void;
}

/**
 * Counts on from what the server said, by a clock that nobody can set. News is always late, so of all that was heard the furthest ahead is the
 * nearest; the browser's own date is never asked.
 */
export function createServerClock(serverTime: string, monotonicMs = () => performance.now()): ServerClock {
  let aheadMs = Date.parse(serverTime) - monotonicMs();
  return {
    now: () => monotonicMs() + aheadMs,
    heard(time, afresh = false) {
      const heardMs = Date.parse(time) - monotonicMs();
      if (afresh || heardMs > aheadMs) aheadMs = heardMs;
    },
  };
}
