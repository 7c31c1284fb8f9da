import { parseArgs } from 'node:util';
import { AppError } from '../domain/errors.ts';
import { nearestOf } from '../lib/distance.ts';

/** A mistake in a command's call: one line, exit status 2. */
export class UsageError extends AppError {
  constructor(message: string) {
    super('invalid_request', message);
  }
}

/** The values of a flag. A `switch` takes none, a `list` takes choices separated by commas, a `text` any text. */
export type Flag =
  | { readonly kind: 'switch' }
  | { readonly kind: 'text'; readonly what: string }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number; readonly default: number }
  | { readonly kind: 'choice'; readonly of: readonly string[]; readonly default: string }
  | { readonly kind: 'list'; readonly of: readonly string[] };

type Value<F extends Flag> = F extends { kind: 'switch' }
  ? boolean
  : F extends { kind: 'text' }
    ? string | undefined
    : F extends { kind: 'integer' }
      ? number
      : F extends { kind: 'choice'; of: readonly (infer Choice)[] }
        ? Choice
        : F extends { kind: 'list'; of: readonly (infer Choice)[] }
          ? Choice[]
          : never;

export type Values<Flags extends Record<string, Flag>> = { [Name in keyof Flags]: Value<Flags[Name]> };

/**
 * Reads a command's flags, numbers and choices included; throws UsageError with one line that names the accepted values.
 * A list that was not given is empty; its command chooses the default.
 */
export function readFlags<const Flags extends Record<string, Flag>>(
  argv: readonly string[],
  flags: Flags,
): Values<Flags> {
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      Object.entries(flags).map(([name, flag]) => [
        name,
        {
          type: flag.kind === 'switch' ? ('boolean' as const) : ('string' as const),
          ...(name === 'help' && { short: 'h' }),
        },
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) values[name] = fallback(flag);
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    const given = token.kind === 'option' ? token.rawName : token.value;
    const flag = token.kind === 'option' && Object.hasOwn(flags, token.name) ? flags[token.name] : undefined;
    if (token.kind === 'positional' || flag === undefined) {
      throw new UsageError(
        `Unknown argument ${given}. ${didYouMean(given, flags)}Accepted: ${describeAll(flags)}`,
      );
    }
    const value = read(flag, token.value);
    if (value === undefined)
      throw new UsageError(`${given} takes ${describe(flag)}${stranger(flag, token.value)}`);
    values[token.name] = value;
  }
  return values as Values<Flags>;
}

function didYouMean(given: string, flags: Record<string, Flag>): string {
  const meant = given.startsWith('--') ? nearestOf(given.slice(2), Object.keys(flags)) : null;
  return meant === null ? '' : `Did you mean --${meant}? `;
}

/** The name in a list that is none of its choices: a long list hides it. */
function stranger(flag: Flag, text = ''): string {
  const name = flag.kind === 'list' && text.split(',').find((one) => one !== '' && !flag.of.includes(one));
  return name ? `; ${name} is none of them` : '';
}

function read(flag: Flag, text: string | undefined): unknown {
  switch (flag.kind) {
    case 'switch':
      return text === undefined ? true : undefined;
    case 'text':
      return text === '' ? undefined : text;
    case 'integer': {
      const number = text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
      return number >= flag.min && number <= flag.max ? number : undefined;
    }
    case 'choice':
      return flag.of.find((choice) => choice === text);
    case 'list': {
      const names = text?.split(',') ?? [];
      return names.length > 0 && names.every((name) => flag.of.includes(name)) ? names : undefined;
    }
  }
}

function fallback(flag: Flag): unknown {
  if (flag.kind === 'switch') return false;
  if (flag.kind === 'text') return undefined;
  return flag.kind === 'list' ? [] : flag.default;
}

function describe(flag: Flag): string {
  switch (flag.kind) {
    case 'switch':
      return 'no value';
    case 'text':
      return flag.what;
    case 'integer':
      return `a whole number from ${flag.min} to ${flag.max}`;
    case 'choice':
      return `one of ${flag.of.join(', ')}`;
    case 'list':
      return `some of ${flag.of.join(',')}, separated by commas`;
  }
}

function describeAll(flags: Record<string, Flag>): string {
  return Object.entries(flags)
    .map(([name, flag]) => (flag.kind === 'switch' ? `--${name}` : `--${name} <${describe(flag)}>`))
    .join(' ');
}
