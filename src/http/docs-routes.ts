import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Clock } from '../domain/clock.ts';
import { hasAlready } from './conditional.ts';
import { readGuide } from './docs/guide.ts';
import script from './docs/in-browser.js' with { type: 'text' };
import style from './docs/page.css' with { type: 'text' };
import { docsPage } from './docs/page.ts';
import { CODES } from './openapi/codes.ts';
import { dayOf } from './openapi/example-times.ts';
import { openApiDocument } from './openapi.ts';

interface DocsOptions {
  readonly version: string;
  readonly clock: Clock;
}

/** For people at `/docs`, for programs at `/openapi.json`. Both are made at the first request of a day (UTC) and kept for it. */
export function createDocsRoutes({ version, clock }: DocsOptions) {
  const document = oncePerDay(clock, (nowMs) =>
    kept(JSON.stringify(openApiDocument(version, nowMs)), { 'Content-Type': 'application/json' }),
  );
  const page = oncePerDay(clock, (nowMs) =>
    kept(docsPage(readGuide(openApiDocument(version, nowMs)), { codes: CODES, style, script }), {
      'Content-Type': 'text/html;charset=utf-8',
      'Content-Security-Policy': POLICY,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
    }),
  );
  return {
    '/openapi.json': { GET: (req: Request) => document()(req) },
    '/docs': { GET: (req: Request) => page()(req) },
  };
}

/** Nothing is fetched, and nothing runs but the style and the script that stand in the page. */
const POLICY = [
  "default-src 'none'",
  `style-src '${hashOf(style)}'`,
  `script-src '${hashOf(script)}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** Answers with `body`, in its short form to whoever takes that, and with 304 to whoever has it. */
function kept(body: string, headers: Readonly<Record<string, string>>): (req: Request) => Response {
  const short = gzipSync(body, { level: 9 });
  // A weak tag, because the short form and the long one share it.
  const etag = `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  const shared = { ...headers, ETag: etag, 'Cache-Control': 'no-cache', Vary: 'Accept-Encoding' };
  return (req) => {
    if (hasAlready(req, etag)) return new Response(null, { status: 304, headers: shared });
    if (!/\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(req.headers.get('accept-encoding') ?? ''))
      return new Response(body, { headers: shared });
    return new Response(short, { headers: { ...shared, 'Content-Encoding': 'gzip' } });
  };
}

/** Examples in the documents lie some days ahead, so that a new day needs new ones. */
function oncePerDay<T>(clock: Clock, make: (nowMs: number) => T): () => T {
  let made: { readonly day: number; readonly value: T } | undefined;
  return () => {
    const nowMs = clock();
    if (made?.day !== dayOf(nowMs)) made = { day: dayOf(nowMs), value: make(nowMs) };
    return made.value;
  };
}
