import type Stripe from 'stripe';
import type { Company } from './company.ts';
import type { Form } from './form.ts';
import { readParams } from './params.ts';
import { invalidRequest, resourceMissing } from './refusals.ts';

const LIMIT_DEFAULT = 10;
const LIMIT_MAX = 100;

/** One page of a list, the newest first. `all` has the oldest first; `cursor` may be of the whole list alone. */
export function page<T extends { readonly id: string }>(all: readonly T[], url: string, form: Form) {
  const { limit, starting_after, ending_before } = readParams(pick(form), {
    limit: 'integer',
    starting_after: 'string',
    ending_before: 'string',
  });
  const count = limit ?? LIMIT_DEFAULT;
  if (count < 1 || count > LIMIT_MAX)
    throw invalidRequest(`Invalid limit: must be between 1 and ${LIMIT_MAX}`, { param: 'limit' });
  const newest = all.toReversed();
  const at = (id: string, param: string) => {
    const index = newest.findIndex((one) => one.id === id);
    if (index < 0) throw resourceMissing('object', id, param);
    return index;
  };
  if (ending_before !== undefined) {
    const before = newest.slice(0, at(ending_before, 'ending_before'));
    return list(before.slice(-count), before.length > count, url);
  }
  const after =
    starting_after === undefined ? newest : newest.slice(at(starting_after, 'starting_after') + 1);
  return list(after.slice(0, count), after.length > count, url);
}

function pick(form: Form): Form {
  const names = ['limit', 'starting_after', 'ending_before'];
  return Object.fromEntries(Object.entries(form).filter(([name]) => names.includes(name)));
}

function list<T>(data: T[], has_more: boolean, url: string): Stripe.ApiList<T> {
  return { object: 'list', data, has_more, url };
}

/** A copy of the object in which the ids at these paths are the objects themselves. */
export function expanded(company: Company, object: unknown, paths: unknown): unknown {
  const copy = structuredClone(object);
  for (const path of Array.isArray(paths) ? paths : [])
    expand(company, copy, String(path).split('.'), String(path));
  return copy;
}

function expand(company: Company, object: unknown, [name = '', ...rest]: string[], path: string): void {
  if (name === 'data' && Array.isArray((object as { data?: unknown }).data)) {
    for (const one of (object as { data: unknown[] }).data) expand(company, one, rest, path);
    return;
  }
  const fields = object as Record<string, unknown>;
  const from = { latest_charge: company.charges, charge: company.charges, payment_intent: company.intents }[
    name
  ];
  if (!from || !(name in fields)) {
    throw invalidRequest(`This property cannot be expanded (${path}).`, { param: 'expand' });
  }
  const value = fields[name];
  if (typeof value === 'string') fields[name] = structuredClone(from.get(value));
  if (rest.length > 0 && fields[name]) expand(company, fields[name], rest, path);
}
