/** Decoded form: what Stripe's clients send, `metadata[order]=1` and `expand[0]=latest_charge`, as objects and lists. */
export type Form = { [name: string]: FormValue };
export type FormValue = string | Form | FormValue[];

/** Decodes `application/x-www-form-urlencoded` with brackets; lists are in the order of their numbers, or as sent (`a[]`). */
export function parseForm(text: string): Form {
  const form: Form = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const [, root = name, rest = ''] = /^([^[]*)(.*)$/.exec(name) ?? [];
    put(form, [root, ...[...rest.matchAll(/\[([^\]]*)\]/g)].map(([, part]) => part!)], value);
  }
  return withLists(form) as Form;
}

function put(form: Form, [name = '', ...rest]: string[], value: string): void {
  const key = name === '' ? String(Object.keys(form).length) : name;
  if (rest.length === 0) {
    form[key] = value;
    return;
  }
  const inner = form[key];
  const next: Form = isForm(inner) ? inner : Object.create(null);
  form[key] = next;
  put(next, rest, value);
}

function withLists(value: FormValue): FormValue {
  if (!isForm(value)) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, withLists(inner)] as const);
  if (entries.length > 0 && entries.every(([name]) => /^\d+$/.test(name)))
    return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, inner]) => inner);
  return Object.fromEntries(entries);
}

export function isForm(value: FormValue | undefined): value is Form {
  return typeof value === 'object' && !Array.isArray(value);
}
