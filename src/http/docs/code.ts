/** How a language writes down what JSON can say. */
export interface Literals {
  readonly null: string;
  readonly true: string;
  readonly false: string;
  /** Between a brace and what it holds. */
  readonly pad: string;
  /** What a line inside of another one begins with. */
  readonly step: string;
  /** The name of a field, as it stands before a colon. */
  key(name: string): string;
}

/** A string as both JavaScript and Python read it. */
export function text(value: string): string {
  return JSON.stringify(value);
}

/** A value as a literal: on one line where that is short, else with a field on each. `indent` is where its first line stands. */
export function literal(value: unknown, how: Literals, indent = ''): string {
  const line = onOneLine(value, how);
  if (line.length <= LINE_CHARS_MAX || typeof value !== 'object' || value === null) return line;
  const inner = indent + how.step;
  const lines = Array.isArray(value)
    ? value.map((one) => literal(one, how, inner))
    : Object.entries(value).map(([name, one]) => `${how.key(name)}: ${literal(one, how, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${lines.map((one) => `${inner}${one},\n`).join('')}${indent}${close}`;
}

function onOneLine(value: unknown, how: Literals): string {
  if (value === null) return how.null;
  if (typeof value === 'boolean') return how[`${value}`];
  if (typeof value === 'string') return text(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map((one) => onOneLine(one, how)).join(', ')}]`;
  const fields = Object.entries(value).map(([name, one]) => `${how.key(name)}: ${onOneLine(one, how)}`);
  return `{${how.pad}${fields.join(', ')}${how.pad}}`;
}

/** What fits beside the words of the page. */
export const LINE_CHARS_MAX = 60;
