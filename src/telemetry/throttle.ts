/** Writes the first few lines of a kind per second, and of the others the last one, with the number of those dropped. */
export interface Throttle {
  /** Calls `write` now, at the end of the second, or never, when a later line of the kind replaces it. */
  say(kind: string, write: (leftOut: number) => void): void;
  /** Writes the pending lines now. */
  flush(): void;
}

/** A backend that is down fails every request: thousands of identical lines a second. */
const LINES_PER_SECOND = 3;
const SECOND_MS = 1_000;
/** Kinds in one second; all further ones count as one kind. */
const KINDS_MAX = 200;

interface Second {
  lines: number;
  held: number;
  last: (leftOut: number) => void;
}

export function createThrottle(): Throttle {
  const seconds = new Map<string, Second>();

  function say(kind: string, write: (leftOut: number) => void): void {
    const known = seconds.has(kind) || seconds.size < KINDS_MAX ? kind : 'others';
    const second = seconds.get(known) ?? begin(known);
    if (second.lines < LINES_PER_SECOND) {
      second.lines++;
      write(0);
    } else {
      second.held++;
      second.last = write;
    }
  }

  function begin(kind: string): Second {
    const second: Second = { lines: 0, held: 0, last() {} };
    seconds.set(kind, second);
    setTimeout(end, SECOND_MS, kind, second).unref();
    return second;
  }

  function end(kind: string, second: Second): void {
    if (seconds.get(kind) !== second) return;
    seconds.delete(kind);
    const { held, last } = second;
    // The first line of the next second, so that a long trouble has few lines in each.
    if (held > 0) say(kind, () => last(held - 1));
  }

  return {
    say,
    flush() {
      for (const { held, last } of seconds.values()) if (held > 0) last(held - 1);
      seconds.clear();
    },
  };
}
