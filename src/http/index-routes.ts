import { html } from './docs/html.ts';
import { json } from './respond.ts';

interface IndexOptions {
  readonly version: string;
}

/** Where things are, for whoever has the address alone. */
const LINKS = [
  { rel: 'docs', href: '/docs', says: 'every route, with examples' },
  { rel: 'openapi', href: '/openapi.json', says: 'the same for programs' },
  { rel: 'products', href: '/api/v1/products', says: 'what is on sale' },
  { rel: 'health', href: '/actuator/health', says: 'whether the engines can be reached' },
  { rel: 'metrics', href: '/actuator/prometheus', says: 'figures for Prometheus' },
] as const;

/** At `/`: a short page for people, the same links as JSON for programs. */
export function createIndexRoutes({ version }: IndexOptions) {
  const page = html`<!doctype html>
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
${LINKS.map(({ href, says }) => html`<li><a href="${href}">${href}</a>: ${says}</li>\n`)}</ul>
</body>
</html>
`.text;
  const links = Object.fromEntries(LINKS.map(({ rel, href }) => [rel, href]));

  function index(req: Request): Response {
    if (!prefersHtml(req.headers.get('accept')))
      return json({ name: 'pulsecart', version, links }, 200, SHARED);
    return new Response(page, { headers: { ...SHARED, ...HTML_HEADERS } });
  }

  return { '/': { GET: index } };
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
