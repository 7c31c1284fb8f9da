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
const CALL =
  /\bpulsecart ([a-z]+|COMMAND)(?![\w:])(?=( (?:-|list\b|replay\b|discard\b|reconcile\b|\.\/|[A-Z]{2}|\[))?)/g;

/**
 * Prints a text; at a terminal with its long lines wrapped at words, below the text of their last column. By `console.log`, which
 * has written everything when it returns: a command ends right afterwards.
 */
export function print(text: string): void {
  console.log(atWidth(text, process.stdout));
}

/** The same on standard error. */
export function printError(text: string): void {
  console.error(atWidth(text, process.stderr));
}

function atWidth(text: string, output: Terminal): string {
  if (output.isTTY !== true) return text;
  return text
    .split('\n')
    .map((line) => wrapped(line, columnsOf(output)))
    .join('\n');
}

/** Narrower than this a column of text is harder to read than broken lines. */
const TEXT_COLUMNS_MIN = 24;

/** The words of a line on as many as it needs; a word that is too long, such as an address, stays whole. */
export function wrapped(line: string, columns: number): string {
  if (lengthOf(line) <= columns) return line;
  const gaps = [...line.matchAll(/\S {2,}(?=\S)/g)].map(({ 0: gap, index }) =>
    lengthOf(line.slice(0, index + gap.length)),
  );
  const margin = lengthOf(/^ */.exec(line)![0]);
  const indent = Math.max(margin, ...gaps.filter((at) => at <= columns - TEXT_COLUMNS_MIN));
  const lines: string[] = [];
  let row = '';
  for (const word of line.match(/ *[^ ]+/g) ?? []) {
    const fitsBelow = indent + lengthOf(word.trimStart()) <= columns;
    if (row.trim() === '' || !fitsBelow || lengthOf(row + word) <= columns) row += word;
    else {
      lines.push(row);
      row = ' '.repeat(indent) + word.trimStart();
    }
  }
  return [...lines, row].join('\n');
}

/** As seen: colours take no room. */
function lengthOf(text: string): number {
  return text.replaceAll(/\x1b\[\d*m/g, '').length;
}
