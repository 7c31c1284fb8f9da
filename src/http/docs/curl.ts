import type { DescribedParameter } from './described.ts';
import type { Answer, GuideOperation } from './guide.ts';

/** Where the commands of a document go. The page at /docs puts the address there that it was read from. */
export const EXAMPLE_ORIGIN = 'http://127.0.0.1:8080';

/** A command for a shell that makes the request, with examples for what it needs and nothing that it does not. */
export function curlOf(
  { method, path, forOperators, body }: Omit<GuideOperation, 'answers' | 'curl'>,
  parameters: readonly DescribedParameter[],
  answers: readonly Answer[],
): string {
  const needed = parameters.filter(({ in: place, required }) => place === 'path' || required);
  const given = (place: string) => needed.filter((parameter) => parameter.in === place);
  const filled = given('path').reduce(
    (url, parameter) => url.replace(`{${parameter.name}}`, encodeURIComponent(exampleOf(parameter))),
    path,
  );
  const query = new URLSearchParams(
    given('query').map((one): [string, string] => [one.name, exampleOf(one)]),
  );
  const isStream = answers.some(({ bodies }) => bodies.some((one) => one.mediaType === 'text/event-stream'));
  const sent = body?.examples[0]?.text;
  const isImplied = method === 'GET' || (method === 'POST' && sent !== undefined);
  // A comma may stand in a query as it is, and is easier to read.
  const search = query.size > 0 ? `?${query}`.replaceAll('%2C', ',') : '';
  const url = quoted(`${EXAMPLE_ORIGIN}${filled}${search}`);
  return [
    `curl${isStream ? ' -N' : ''}${isImplied ? '' : ` -X ${method}`} ${url}`,
    ...(forOperators ? ['-H "Authorization: Bearer $PULSECART_OPERATOR_TOKEN"'] : []),
    ...given('header').map((one) => `-H ${quoted(`${one.name}: ${exampleOf(one)}`)}`),
    ...(sent === undefined ? [] : [`-H 'Content-Type: ${body?.mediaType}'`, `-d ${quoted(shown(sent))}`]),
  ].join(' \\\n  ');
}

function exampleOf({ name, schema }: DescribedParameter): string {
  const [example] = schema.examples ?? [];
  return String(example ?? schema.default ?? schema.enum?.[0] ?? schema.minimum ?? name);
}

/** As a POSIX shell reads it back; plain words stay bare. */
function quoted(word: string): string {
  return /^[\w:/.,=%-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** On one line where it is short, else as it is easy to read; a shell takes either. */
function shown(json: string): string {
  const compact = JSON.stringify(JSON.parse(json));
  return compact.length <= LINE_CHARS_MAX ? compact : json;
}

/** What fits beside the words of the page. */
const LINE_CHARS_MAX = 60;
