import { LINE_CHARS_MAX } from './code.ts';
import type { ExampleRequest } from './example-request.ts';

/** A command for a shell that makes the request. */
export function curlOf({ method, url, forOperators, headers, body, answer }: ExampleRequest): string {
  const isImplied = method === 'GET' || (method === 'POST' && body !== null);
  return [
    `curl${answer === 'stream' ? ' -N' : ''}${isImplied ? '' : ` -X ${method}`} ${quoted(url)}`,
    ...(forOperators ? ['-H "Authorization: Bearer $PULSECART_OPERATOR_TOKEN"'] : []),
    ...headers.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(body ? [`-H 'Content-Type: ${body.mediaType}'`, `-d ${quoted(shown(body.value))}`] : []),
  ].join(' \\\n  ');
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
