import { asCalled, COLUMNS } from './terminal.ts';

/** Prints a command's help, as wide as every terminal is, with its commands as they can be pasted here. */
export function printHelp(text: string): void {
  console.log(helpText(text));
}

/**
 * A paragraph is a line and those that go on below its text: below the second column of an option, or at the margin. Each is
 * wrapped anew; a command at its beginning is broken as shells do, with `\`.
 */
export function helpText(text: string, columns = COLUMNS, call: (text: string) => string = asCalled): string {
  const paragraphs: Paragraph[] = [];
  let last: Paragraph | null = null;
  for (const line of call(text).split('\n')) {
    if (last !== null && goesOn(last, line)) last.text += ` ${line.trim()}`;
    else {
      if (/^Example: /.test(line) && last !== null && !/^$|:$/.test(last.text)) paragraphs.push(begin(''));
      last = begin(line);
      paragraphs.push(last);
    }
  }
  return paragraphs.map((paragraph) => wrap(paragraph, columns)).join('\n');
}

interface Paragraph {
  /** The option's name with the blanks behind it; empty at the margin. */
  readonly head: string;
  text: string;
}

const OPTION = /^( {2}\S.*?\s{2,})(\S.*)$/;
/** A line of its own at the margin: a title, and what can be pasted. */
const ALONE = /^(pulsecart\b.*|npm run\b.*|Example: .*|[\w ,]+: (pulsecart|npm) .*)$/;

function begin(line: string): Paragraph {
  const [, head = '', text = line] = OPTION.exec(line) ?? [];
  return { head, text };
}

function goesOn({ head, text }: Paragraph, line: string): boolean {
  if (text === '' || line === '' || ALONE.test(line) || (head === '' && ALONE.test(text))) return false;
  const indent = /^ */.exec(line)![0].length;
  return head === '' ? indent === 0 : indent >= head.length;
}

function wrap({ head, text }: Paragraph, columns: number): string {
  const isCommand = head === '' && ALONE.test(text) && !/^(pulsecart|npm run) [\w |]+: /.test(text);
  // A command is broken before a flag, so that the flag keeps its value.
  const words = isCommand ? text.split(/ (?=--\w)/) : text.split(/ +/);
  const end = isCommand ? ' \\' : '';
  const indent = isCommand ? '    ' : ' '.repeat(head.length);
  const lines: string[] = [];
  let line = head + words[0]!;
  for (const word of words.slice(1)) {
    if (`${line} ${word}${end}`.length <= columns) line += ` ${word}`;
    else {
      lines.push(line + end);
      line = indent + word;
    }
  }
  return [...lines, line].join('\n');
}
