import { MACHINE, MAIN, ROOT } from './command.ts';
import { until } from './until.ts';

/** A command in a real pseudo-terminal, and what a person sees there. */
export interface TerminalSession {
  /** The rows with something on them. */
  rows(): string[];
  /** Everything written, escape sequences included. */
  raw(): string;
  /** Rows that a text was too long for. */
  wrapped(): number;
  /** Resolves when a row matches. */
  sees(row: RegExp): Promise<void>;
  type(keys: string): void;
  resize(columns: number): void;
  readonly exited: Promise<number>;
  [Symbol.dispose](): void;
}

export const CTRL_C = '\x03';

export function inTerminal(
  args: readonly string[],
  { columns = 80, env = {} }: { readonly columns?: number; readonly env?: Record<string, string> } = {},
): TerminalSession {
  const screen = new Screen(columns);
  const decoder = new TextDecoder();
  const child = Bun.spawn([process.execPath, '--no-env-file', '--no-orphans', MAIN, ...args], {
    cwd: ROOT,
    env: { ...MACHINE, TERM: 'xterm-256color', ...env },
    terminal: {
      cols: columns,
      rows: 50,
      data: (_, bytes) => screen.write(decoder.decode(bytes, { stream: true })),
    },
  });
  const rows = () => screen.rows.map((row) => row.join('').trimEnd()).filter((row) => row !== '');
  return {
    rows,
    raw: () => screen.raw,
    wrapped: () => screen.wrapped,
    sees: (row) => until(() => rows().some((one) => row.test(one))),
    type: (keys) => void child.terminal!.write(keys),
    resize(columns) {
      screen.columns = columns;
      child.terminal!.resize(columns, 50);
    },
    exited: child.exited,
    [Symbol.dispose]: () => child.kill('SIGKILL'),
  };
}

/** What our commands use of a terminal, and no more: an unknown sequence is thrown. Old rows stay as they are in a resize. */
class Screen {
  columns: number;
  raw = '';
  wrapped = 0;
  readonly rows: string[][] = [[]];
  #row = 0;
  #column = 0;
  constructor(columns: number) {
    this.columns = columns;
  }

  write(text: string): void {
    this.raw += text;
    for (const [token] of text.matchAll(/\x1b\[\d*[A-Za-z]|[\s\S]/g)) this.#take(token);
  }

  #take(token: string): void {
    if (token === '\r') this.#column = 0;
    else if (token === '\n') this.#down();
    else if (/^\x1b\[\d*A$/.test(token)) this.#row = Math.max(0, this.#row - Number(token.slice(2, -1) || 1));
    else if (/^\x1b\[\d*G$/.test(token)) this.#column = Number(token.slice(2, -1) || 1) - 1;
    else if (/^\x1b\[0?J$/.test(token)) {
      this.rows.length = this.#row + 1;
      this.rows[this.#row]!.length = this.#column;
    } else if (/^\x1b\[\d*m$/.test(token)) return;
    else if (token.startsWith('\x1b')) throw new Error(`unknown to this terminal: ${JSON.stringify(token)}`);
    else this.#put(token);
  }

  #put(char: string): void {
    if (this.#column === this.columns) {
      this.wrapped++;
      this.#down();
      this.#column = 0;
    }
    const row = this.rows[this.#row]!;
    while (row.length < this.#column) row.push(' ');
    row[this.#column++] = char;
  }

  #down(): void {
    this.#row++;
    if (this.rows.length === this.#row) this.rows.push([]);
  }
}
