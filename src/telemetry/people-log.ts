import type { DestinationStream } from 'pino';

export interface PeopleLogOptions {
  write(text: string): void;
  /** The text in that colour, where there are colours. */
  paint(text: string, colour: 'dim' | 'red' | 'yellow'): string;
}

/** Of a line: `10:42:31  WARN  queue trouble; it is tried again: connection refused`. */
const LEVELS: readonly (readonly [number, string, 'red' | 'yellow' | 'dim'])[] = [
  [60, 'FATAL', 'red'],
  [50, 'ERROR', 'red'],
  [40, 'WARN', 'yellow'],
  [30, '', 'dim'],
  [0, 'DEBUG', 'dim'],
];
const ERROR = 50;
/** Said in words, or for machines. */
const NOT_SHOWN = ['level', 'time', 'msg', 'err', 'leftOut', 'signal'];

/** The log for a person at a terminal, one line each: when, how bad, what, and why. A stack only where there is a bug. */
export function peopleLog({ write, paint }: PeopleLogOptions): DestinationStream {
  return {
    write(json) {
      const line = JSON.parse(json) as Line;
      const [, word, colour] = LEVELS.find(([level]) => line.level >= level)!;
      const said = [
        paint(new Date(line.time).toTimeString().slice(0, 8), 'dim'),
        ...(word === '' ? [] : [paint(word, colour)]),
        sentence(line) + fields(line, paint),
      ];
      write(`  ${said.join('  ')}\n`);
      // Errors that are expected have a code, of ours or of the system.
      const isBug = line.level >= ERROR && line.err?.stack !== undefined && line.err.code === undefined;
      if (isBug) write(`${paint(line.err!.stack!, 'dim')}\n`);
    },
  };
}

interface Line {
  readonly level: number;
  readonly time: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string; readonly stack?: string; readonly code?: unknown };
  readonly leftOut?: number;
  readonly signal?: string;
  readonly [field: string]: unknown;
}

function sentence({ msg = '', err, leftOut, signal }: Line): string {
  const why = err?.message && err.message !== msg ? `${msg === '' ? '' : ': '}${firstLine(err.message)}` : '';
  const by = signal === undefined ? '' : ` (${signal === 'SIGINT' ? 'Ctrl-C' : signal})`;
  return `${msg}${by}${why}${leftOut === undefined ? '' : `, and ${leftOut} more of its kind`}`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!;
}

function fields(line: Line, paint: PeopleLogOptions['paint']): string {
  const shown = Object.entries(line).filter(([name, value]) => !NOT_SHOWN.includes(name) && value !== null);
  if (shown.length === 0) return '';
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  return `  ${paint(shown.map(([name, value]) => `${name}=${text(value)}`).join(' '), 'dim')}`;
}
