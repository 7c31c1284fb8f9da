import { type Form, type FormValue, isForm } from './form.ts';
import { invalidRequest, missing } from './refusals.ts';

/** What a parameter may be: one of Stripe's types, or one of these words. `map` is a flat one, of texts. */
type Kind = 'string' | 'integer' | 'boolean' | 'map' | 'object' | 'list' | 'range' | readonly string[];
export type Spec = Readonly<Record<string, Kind>>;

export interface Range {
  readonly gt?: number;
  readonly gte?: number;
  readonly lt?: number;
  readonly lte?: number;
}

type Value<K extends Kind> = K extends 'integer'
  ? number
  : K extends 'boolean'
    ? boolean
    : K extends 'map'
      ? Record<string, string>
      : K extends 'object'
        ? Form
        : K extends 'list'
          ? string[]
          : K extends 'range'
            ? Range
            : K extends readonly (infer Word)[]
              ? Word
              : string;
export type Values<S extends Spec> = { -readonly [Name in keyof S]?: Value<S[Name]> };

/** Reads the parameters that a route takes. Throws what Stripe answers to an unknown or malformed one, naming it. */
export function readParams<const S extends Spec>(form: Form, spec: S): Values<S> {
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(form)) {
    const kind = Object.hasOwn(spec, name) ? spec[name] : undefined;
    if (kind === undefined)
      throw invalidRequest(`Received unknown parameter: ${name}`, { code: 'parameter_unknown', param: name });
    values[name] = read(name, value, kind);
  }
  return values as Values<S>;
}

/** The value of a parameter that has to be there. */
export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw missing(name);
  return value;
}

function read(name: string, value: FormValue, kind: Kind): unknown {
  if (kind === 'object') return isForm(value) ? value : wrong(name, 'object');
  // An empty text clears all of a map.
  if (kind === 'map')
    return value === '' ? {} : isForm(value) ? checkedMap(name, value) : wrong(name, 'object');
  if (kind === 'list') return Array.isArray(value) ? value : wrong(name, 'array');
  if (kind === 'range' && isForm(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([bound, at]) => [bound, integer(`${name}[${bound}]`, at)]),
    );
  }
  if (kind === 'range') return { gte: integer(name, value), lte: integer(name, value) };
  if (typeof value !== 'string') return wrong(name, 'string');
  if (value === '')
    throw invalidRequest(`You passed an empty string for '${name}'.`, {
      code: 'parameter_invalid_empty',
      param: name,
    });
  if (kind === 'integer') return integer(name, value);
  if (kind === 'boolean') {
    if (value !== 'true' && value !== 'false')
      throw invalidRequest(`Invalid boolean: ${value}`, { param: name });
    return value === 'true';
  }
  if (kind !== 'string' && !kind.includes(value))
    throw invalidRequest(`Invalid ${name}: must be one of ${kind.join(', ')}`, { param: name });
  return value;
}

function integer(name: string, value: FormValue): number {
  if (typeof value !== 'string' || !/^-?\d{1,15}$/.test(value))
    throw invalidRequest(`Invalid integer: ${value}`, { code: 'parameter_invalid_integer', param: name });
  return Number(value);
}

/** Stripe's bounds on metadata: 50 keys of 40 characters, values of 500. */
function checkedMap(name: string, map: Form): Form {
  const entries = Object.entries(map);
  if (entries.length > 50) throw invalidRequest('Metadata can have at most 50 keys.', { param: name });
  for (const [key, value] of entries) {
    if (key.length > 40 || typeof value !== 'string' || value.length > 500)
      throw invalidRequest(`Invalid metadata: ${key}`, { param: `${name}[${key}]` });
  }
  return map;
}

function wrong(name: string, expected: string): never {
  throw invalidRequest(`Invalid ${expected}`, { param: name });
}
