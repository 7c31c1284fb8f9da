import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { CODES } from '../codes.ts';
import { hasAlready } from '../conditional.ts';
import beforePaint from '../docs/before-paint.js' with { type: 'text' };
import { readGuide } from '../docs/guide.ts';
import { html } from '../docs/html.ts';
import main from '../docs/in-browser.js' with { type: 'text' };
import style from '../docs/page.css' with { type: 'text' };
import { docsPage, type PageParts } from '../docs/page.ts';
import send from '../docs/send-in-browser.js' with { type: 'text' };
import { dayOf } from '../example-times.ts';
import { openApiDocument } from '../openapi.ts';
import { json } from '../respond.ts';
import { type Answer, type Route, routesOf } from '../route.ts';
import type { Service } from '../service.ts';

const route = routesOf('about', 'error');

/**
 * Where things are at `/`, and what `routes` say of themselves: for people at `/docs`, for programs at `/openapi.json`. Both are made
 * at the first request of a day (UTC) and kept for it. `canSend` lets the page for people send requests, too.
 */
export function createAboutRoutes(
  { version, clock }: Pick<Service, 'version' | 'clock'>,
  routes: readonly Route[],
  canSend = false,
) {
  const scripts = { beforePaint, main, send: canSend ? send : null };
  const document = oncePerDay((nowMs) =>
    kept(JSON.stringify(openApiDocument(routes, version, nowMs)), { 'Content-Type': 'application/json' }),
  );
  const page = oncePerDay((nowMs) =>
    kept(docsPage(readGuide(openApiDocument(routes, version, nowMs)), { codes: CODES, style, scripts }), {
      'Content-Type': 'text/html;charset=utf-8',
      'Content-Security-Policy': policyFor(scripts),
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
    }),
  );
  // Health and metrics may have a port of their own.
  const served = LINKS.filter(
    ({ href }) => !href.startsWith('/actuator') || routes.some(({ path }) => path === href),
  );
  const index = indexPage(version, served);
  const links = Object.fromEntries(served.map(({ rel, href }) => [rel, href]));

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
    route('GET /', {
      id: 'index',
      summary: 'Get links',
      description: 'Where things are. A short page for browsers, JSON for other clients, by `Accept`.',
      answers: {
        200: {
          description: 'Links',
          content: {
            'application/json': { schema: LINKS_SCHEMA },
            'text/html': { schema: { type: 'string' } },
          },
        },
      },
      handle(req) {
        if (!prefersHtml(req.headers.get('accept')))
          return json({ name: 'pulsecart', version, links }, 200, SHARED);
        return new Response(index, { headers: { ...SHARED, ...HTML_HEADERS } });
      },
    }),
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

/** Answers with `body`, compressed where the client takes that, and with 304 where the client has it. */
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

/** Where things are, for a client that has the address alone. */
const LINKS = [
  { rel: 'docs', href: '/docs', says: 'every route, with examples' },
  { rel: 'openapi', href: '/openapi.json', says: 'the same for programs' },
  { rel: 'products', href: '/api/v1/products', says: 'what is on sale' },
  { rel: 'health', href: '/actuator/health', says: 'whether the backends can be reached' },
  { rel: 'metrics', href: '/actuator/prometheus', says: 'figures for Prometheus' },
] as const;

const LINKS_SCHEMA = {
  type: 'object',
  required: ['name', 'version', 'links'],
  properties: {
    name: { const: 'pulsecart' },
    version: { type: 'string' },
    links: { type: 'object', additionalProperties: { type: 'string' } },
  },
};

function indexPage(version: string, links: readonly (typeof LINKS)[number][]): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>PulseCart</title>
<link rel="icon" href="data:,">
</head>
<body>
<h1>PulseCart ${version}</h1>
<ul>
${links.map(({ href, says }) => html`<li><a href="${href}">${href}</a>: ${says}</li>\n`)}</ul>
</body>
</html>
`.text;
}

const SHARED = { 'Cache-Control': 'no-cache', Vary: 'Accept' };

const HTML_HEADERS = {
  'Content-Type': 'text/html;charset=utf-8',
  'Content-Security-Policy': "default-src 'none'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
};

/** Browsers name HTML; programs name JSON, or take anything. */
function prefersHtml(accept: string | null): boolean {
  return accept !== null && qualityOf('text/html', accept) > qualityOf('application/json', accept);
}

/** How much a media type is wanted by name (RFC 9110, 12.5.1); 0 where it is not named. */
function qualityOf(type: string, accept: string): number {
  const range = accept.split(',').find((one) => one.split(';', 1)[0]!.trim().toLowerCase() === type);
  if (range === undefined) return 0;
  return Number(/;\s*q\s*=\s*([\d.]+)/i.exec(range)?.[1] ?? 1);
}
