import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { hasAlready } from './conditional.ts';

/** Answers with `body`, compressed where the client takes that, and with 304 where the client has it. */
export function compressed(
  body: string,
  headers: Readonly<Record<string, string>>,
  { status = 200, level = 9 } = {},
): (req: Request) => Response {
  const short = gzipSync(body, { level });
  // A weak tag, because the short form and the long one share it.
  const etag = `W/"${digestOf(body)}"`;
  const shared = { 'Cache-Control': 'no-cache', ...headers, ETag: etag, Vary: 'Accept-Encoding' };
  return (req) => {
    if (status === 200 && hasAlready(req, etag)) return new Response(null, { status: 304, headers: shared });
    if (!/\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(req.headers.get('accept-encoding') ?? ''))
      return new Response(body, { status, headers: shared });
    return new Response(short, { status, headers: { ...shared, 'Content-Encoding': 'gzip' } });
  };
}

/** Names a text by what is in it. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
