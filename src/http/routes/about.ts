import { createHash } from 'node:crypto';
import tokens from '../../pages/tokens.css' with { type: 'text' };
import { CODES } from '../codes.ts';
import { compressed } from '../compressed.ts';
import beforePaint from '../docs/before-paint.js' with { type: 'text' };
import { readGuide } from '../docs/guide.ts';
import main from '../docs/in-browser.js' with { type: 'text' };
import ownStyle from '../docs/page.css' with { type: 'text' };
import { docsPage, type PageParts } from '../docs/page.ts';
import send from '../docs/send-in-browser.js' with { type: 'text' };
import { dayOf } from '../example-times.ts';
import { openApiDocument } from '../openapi.ts';
import { JSON_HEADERS, NOT_GUESSED } from '../respond.ts';
import { type Answer, type Route, routesOf } from '../route.ts';
import type { Service } from '../service.ts';

const route = routesOf('about', 'error');
const style = tokens + ownStyle;

/**
 * What `routes` say of themselves: for people at `/docs`, for programs at `/openapi.json`. Both are made at the first request of a
 * day (UTC) and kept for it. On a development server the page for people sends requests, too.
 */
export function createAboutRoutes(
  { version, clock, development }: Pick<Service, 'version' | 'clock' | 'development'>,
  routes: readonly Route[],
) {
  const scripts = { beforePaint, main, send: development ? send : null };
  const document = oncePerDay((nowMs) =>
    compressed(JSON.stringify(openApiDocument(routes, version, nowMs)), JSON_HEADERS),
  );
  const page = oncePerDay((nowMs) =>
    compressed(
      docsPage(readGuide(openApiDocument(routes, version, nowMs)), { codes: CODES, style, scripts }),
      {
        'Content-Type': 'text/html;charset=utf-8',
        'Content-Security-Policy': policyFor(scripts),
        ...NOT_GUESSED,
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
      summary: 'Read API docs',
      description: 'This document, for people.',
      answers: { 200: whole('One page', 'text/html', 'string'), 304: NOT_MODIFIED },
      handle: (req) => page()(req),
    }),
    route('GET /openapi.json', {
      id: 'openapi',
      summary: 'Get OpenAPI document',
      description: 'This document, for programs.',
      answers: { 200: whole('OpenAPI 3.1', 'application/json', 'object'), 304: NOT_MODIFIED },
      handle: (req) => document()(req),
    }),
  ];
}

const NOT_MODIFIED = 'Nothing changed since the version in If-None-Match';

function whole(description: string, mediaType: string, type: string): Answer {
  return { description, content: { [mediaType]: { schema: { type } } } };
}

/** Nothing runs but what stands in the page, no script writes HTML, and nothing is asked for where no form sends requests. */
function policyFor({ beforePaint, main, send }: PageParts['scripts']): string {
  const scripts = [beforePaint, main, ...(send === null ? [] : [send])];
  return [
    "default-src 'none'",
    `style-src '${hashOf(style)}'`,
    `script-src ${scripts.map((script) => `'${hashOf(script)}'`).join(' ')}`,
    ...(send === null ? [] : ["connect-src 'self'"]),
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
