import type { ApiOperation, ApiParameter } from '../openapi.ts';

/** Where the commands of a document go. The page at /docs puts the address there that it was read from. */
export const EXAMPLE_ORIGIN = 'http://127.0.0.1:8080';

/** A command for a shell that makes the request, with examples for what it needs and nothing that it does not. */
export function curlOf(method: string, path: string, operation: ApiOperation): string {
  const { parameters = [], requestBody, responses } = operation;
  const given = (place: string) => parameters.filter((one) => one.in === place && one.required);
  const filled = given('path').reduce(
    (url, parameter) => url.replace(`{${parameter.name}}`, encodeURIComponent(exampleOf(parameter))),
    path,
  );
  const query = new URLSearchParams(
    given('query').map((one): [string, string] => [one.name, exampleOf(one)]),
  );
  const isStream = Object.values(responses).some(({ content = {} }) => 'text/event-stream' in content);
  const [[mediaType, { example: sent }] = ['', {}]] = Object.entries(requestBody?.content ?? {});
  const isImplied = method === 'GET' || (method === 'POST' && sent !== undefined);
  // A comma may stand in a query as it is, and is easier to read.
  const search = query.size > 0 ? `?${query}`.replaceAll('%2C', ',') : '';
  const url = quoted(`${EXAMPLE_ORIGIN}${filled}${search}`);
  return [
    `curl${isStream ? ' -N' : ''}${isImplied ? '' : ` -X ${method}`} ${url}`,
    ...(isForOperators(operation) ? ['-H "Authorization: Bearer $PULSECART_OPERATOR_TOKEN"'] : []),
    ...given('header').map((one) => `-H ${quoted(`${one.name}: ${exampleOf(one)}`)}`),
    ...(sent === undefined ? [] : [`-H 'Content-Type: ${mediaType}'`, `-d ${quoted(shown(sent))}`]),
  ].join(' \\\n  ');
}

/** An empty requirement among them says that others may call it, too. */
export function isForOperators({ security }: ApiOperation): boolean {
  return security?.every((one) => Object.keys(one).length > 0) ?? false;
}

function exampleOf({ name, schema }: ApiParameter): string {
  const [example] = schema.examples ?? [];
  return String(example ?? schema.default ?? schema.enum?.[0] ?? schema.minimum ?? name);
}

/** As a POSIX shell reads it back; plain words stay bare. */
function quoted(word: string): string {
  return /^[\w:/.,=%-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** On one line where it is short, else as it is easy to read; a shell takes either. */
function shown(body: unknown): string {
  const compact = JSON.stringify(body);
  return compact.length <= LINE_CHARS_MAX ? compact : JSON.stringify(body, null, 2);
}

/** What fits beside the words of the page. */
const LINE_CHARS_MAX = 60;
