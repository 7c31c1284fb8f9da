import { readSurroundings } from '../config.ts';

/** What commands show people: how wide, in which colours, and how commands are called where this one was. */

const { isDumb, hasColours, isRunByNpm } = readSurroundings(process.env);

/** Of a terminal that does not say, and of every help. */
export const COLUMNS = 80;

export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export function columnsOf({ columns }: Terminal): number {
  return columns !== undefined && columns > 0 ? columns : COLUMNS;
}

/** Whether a line can be written over. */
export function canErase({ isTTY }: Terminal): boolean {
  return isTTY === true && !isDumb;
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
export type Colour = keyof typeof CODES;

/** The text in that colour, where `output` is a terminal that shows colours and its user wants them (no-color.org). */
export function coloured(text: string, colour: Colour, output: Terminal = process.stdout): string {
  return output.isTTY === true && hasColours ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
}

/**
 * Texts name commands as `pulsecart rush --users 9`. Run by npm, as in a checkout, that is `npm run rush -- --users 9`, which can be
 * pasted there.
 */
export function asCalled(text: string, byNpm = isRunByNpm): string {
  if (!byNpm) return text;
  return text.replace(CALL, (_, command: string, args?: string) => {
    if (command === 'serve' && args === undefined) return 'npm start';
    return `npm run ${command}${args === undefined ? '' : ' --'}`;
  });
}

/** Not the title of a help, `pulsecart rush: …`. Arguments are a flag, an action, a file, or what stands for one. */
const CALL = /\bpulsecart ([a-z]+|COMMAND)(?![\w:])(?=( (?:-|list\b|replay\b|discard\b|\.\/|[A-Z]{2}|\[))?)/g;
