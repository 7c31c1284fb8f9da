import { canErase, columnsOf, type Terminal } from '../../src/cli/terminal.ts';
import { undoneWhenInterrupted } from '../interrupted.ts';

/** One line at the bottom of the terminal that is written over while a command works. */
export interface LiveLine {
  /** `parts` in their order; where not all of them fit, those of the highest rank are left out first. */
  show(parts: readonly Part[]): void;
  /** A line that stays, above. */
  say(text: string): void;
  /** Leaves nothing of it. */
  close(): void;
}

export interface Part {
  readonly text: string;
  /** 0: stays. */
  readonly rank: number;
}

const SEPARATOR = ' · ';
const INDENT = '  ';

interface Output extends Terminal {
  write(text: string): unknown;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

/** Where `output` is no terminal, or `quiet`, only what is said stays to be seen: nothing is shown, and nothing erased. */
export function openLiveLine({ quiet = false, output = process.stderr as Output } = {}): LiveLine {
  if (quiet || !canErase(output)) {
    return {
      show() {},
      say: (text) => void (quiet || !output.isTTY || output.write(`${text}\n`)),
      close() {},
    };
  }
  let parts: readonly Part[] = [];
  let shownChars = 0;
  /** An interrupted command may still make progress while it is cleaned up. */
  let isClosed = false;

  /** Terminals break a line anew that is too long for their new width; the cursor is in its last row then. */
  function erase(): string {
    const rowsAbove = Math.ceil(shownChars / columnsOf(output)) - 1;
    shownChars = 0;
    return `\r${rowsAbove > 0 ? `\x1b[${rowsAbove}A` : ''}\x1b[J`;
  }

  function draw(): void {
    if (isClosed) return;
    const before = erase();
    const line = fit(parts, columnsOf(output) - 1);
    shownChars = line.length;
    output.write(before + line);
  }

  function close(): void {
    isClosed = true;
    forget();
    output.off('resize', draw);
    if (shownChars > 0) output.write(erase());
  }

  output.on('resize', draw);
  const forget = undoneWhenInterrupted(async () => close());
  return {
    show(shown) {
      parts = shown;
      draw();
    },
    say(text) {
      output.write(`${erase()}${text}\n`);
      if (parts.length > 0) draw();
    },
    close,
  };
}

/** The parts that fit into `columns`, as one line; the last one that is left is cut. */
export function fit(parts: readonly Part[], columns: number): string {
  const left = [...parts];
  const line = () => INDENT + left.map(({ text }) => text).join(SEPARATOR);
  while (left.length > 1 && line().length > columns) {
    const highest = left.reduce((most, { rank }, i) => (rank >= left[most]!.rank ? i : most), 0);
    left.splice(highest, 1);
  }
  const text = line();
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}
