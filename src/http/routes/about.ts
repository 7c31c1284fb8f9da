import { createHash } from 'node:crypto';
import { CODES } from '../codes.ts';
import { compressed } from '../compressed.ts';
import { readGuide } from '../docs/guide.ts';
import script from '../docs/in-browser.js' with { type: 'text' };
import style from '../docs/page.css' with { type: 'text' };
import { docsPage } from '../docs/page.ts';
import { dayOf } from '../example-times.ts';
import { openApiDocument } from '../openapi.ts';
import { type Answer, type Route, routesOf } from '../route.ts';
import type { Service } from '../service.ts';

const route = routesOf('about', 'error');

/**
 * What `routes` say of themselves: for people at `/docs`, for programs at `/openapi.json`. Both are made at the first request of a
 * day (UTC) and kept for it.
 */
export function createAboutRoutes(
  { version, clock }: Pick<Service, 'version' | 'clock'>,
  routes: readonly Route[],
) {
  const document = oncePerDay((nowMs) =>
    compressed(JSON.stringify(openApiDocument(routes, version, nowMs)), {
      'Content-Type': 'application/json',
    }),
  );
  const page = oncePerDay((nowMs) =>
    compressed(
      docsPage(readGuide(openApiDocument(routes, version, nowMs)), { codes: CODES, style, script }),
      {
        'Content-Type': 'text/html;charset=utf-8',
        'Content-Security-Policy': POLICY,
        'X-Content-Type-Options': 'nosniff',
        'Referrer-Policy': 'no-referrer',
      },
    ),
  );

  /** Examples in the documents lie some days ahead, so that a new day needs new ones. */
  function oncePerDay<T>(make: (nowMs: number) => T): () => T {
    let made: { readonly day: number; readonly value: T } | undefined;
    return () => {
      const nowMs = clock();
      if (made?.day !== dayOf(nowMs)) made = { day: dayOf(nowMs), value: make(nowMs) };
      return made.value;
    };
  }

  return [
    route('GET /docs', {
      id: 'docs',
      summary: 'This document, for people',
      answers: { 200: whole('One page', 'text/html', 'string'), 304: NOT_MODIFIED },
      handle: (req) => page()(req),
    }),
    route('GET /openapi.json', {
      id: 'openapi',
      summary: 'This document',
      answers: { 200: whole('OpenAPI 3.1', 'application/json', 'object'), 304: NOT_MODIFIED },
      handle: (req) => document()(req),
    }),
  ];
}

const NOT_MODIFIED = 'Nothing changed since the version in If-None-Match';

function whole(description: string, mediaType: string, type: string): Answer {
  return { description, content: { [mediaType]: { schema: { type } } } };
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
