import type { ApiOperation, ApiParameter } from '../openapi.ts';

/** Where the requests of a document go. The page at /docs puts the address there that it was read from. */
export const EXAMPLE_ORIGIN = 'http://127.0.0.1:8080';

/** A request with examples for what it needs, and nothing that it does not. */
export interface ExampleRequest {
  readonly method: string;
  readonly url: string;
  readonly forOperators: boolean;
  /** Those that must be sent; without `Authorization` and `Content-Type`. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: { readonly mediaType: string; readonly value: unknown } | null;
  /** What the answer that is hoped for can be read as. */
  readonly answer: 'json' | 'text' | 'stream';
}

export function exampleRequest(method: string, path: string, operation: ApiOperation): ExampleRequest {
  const { parameters = [], requestBody, responses } = operation;
  const given = (place: string) => parameters.filter((one) => one.in === place && one.required);
  const filled = given('path').reduce(
    (url, parameter) => url.replace(`{${parameter.name}}`, encodeURIComponent(exampleOf(parameter))),
    path,
  );
  const query = new URLSearchParams(
    given('query').map((one): [string, string] => [one.name, exampleOf(one)]),
  );
  // A comma may stand in a query as it is, and is easier to read.
  const search = query.size > 0 ? `?${query}`.replaceAll('%2C', ',') : '';
  const [[mediaType, { example: value }] = ['', {}]] = Object.entries(requestBody?.content ?? {});
  const [, hopedFor] = Object.entries(responses).find(([status]) => status.startsWith('2')) ?? [];
  const answered = Object.keys(hopedFor?.content ?? {});
  return {
    method,
    url: `${EXAMPLE_ORIGIN}${filled}${search}`,
    forOperators: isForOperators(operation),
    headers: given('header').map((one) => [one.name, exampleOf(one)] as const),
    body: value === undefined ? null : { mediaType, value },
    answer: answered.includes('text/event-stream')
      ? 'stream'
      : answered.some((type) => type.endsWith('json'))
        ? 'json'
        : 'text',
  };
}

/** An empty requirement among them says that others may call it, too. */
export function isForOperators({ security }: ApiOperation): boolean {
  return security?.every((one) => Object.keys(one).length > 0) ?? false;
}

/** The least role that may call it; null: it is for all callers. */
export function roleFor({ security }: ApiOperation): string | null {
  const needed = security?.find((one): one is { operator: readonly [string] } => 'operator' in one);
  return needed?.operator[0] ?? null;
}

/** A value that a parameter takes. */
export function exampleOf({ name, schema }: ApiParameter): string {
  const [example] = schema.examples ?? [];
  return String(example ?? schema.default ?? schema.enum?.[0] ?? schema.minimum ?? name);
}
