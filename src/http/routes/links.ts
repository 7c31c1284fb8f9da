import type { Route } from '../route.ts';

/** Where things are, for a client that has the address alone. */
const LINKS = [
  { rel: 'docs', href: '/docs' },
  { rel: 'openapi', href: '/openapi.json' },
  { rel: 'products', href: '/api/v1/products' },
  { rel: 'health', href: '/actuator/health' },
  { rel: 'metrics', href: '/actuator/prometheus' },
] as const;

export const LINKS_SCHEMA = {
  type: 'object',
  required: ['name', 'version', 'links'],
  properties: {
    name: { const: 'pulsecart' },
    version: { type: 'string' },
    links: { type: 'object', additionalProperties: { type: 'string' } },
  },
};

/** Health and metrics may have a port of their own. */
export function linksTo(routes: readonly Route[]): Readonly<Record<string, string>> {
  const served = LINKS.filter(
    ({ href }) => !href.startsWith('/actuator') || routes.some(({ path }) => path === href),
  );
  return Object.fromEntries(served.map(({ rel, href }) => [rel, href]));
}

/** Browsers name HTML; programs name JSON, or take anything. */
export function prefersHtml(accept: string | null): boolean {
  return accept !== null && qualityOf('text/html', accept) > qualityOf('application/json', accept);
}

/** How much a media type is wanted by name (RFC 9110, 12.5.1); 0 where it is not named. */
function qualityOf(type: string, accept: string): number {
  const range = accept.split(',').find((one) => one.split(';', 1)[0]!.trim().toLowerCase() === type);
  if (range === undefined) return 0;
  return Number(/;\s*q\s*=\s*([\d.]+)/i.exec(range)?.[1] ?? 1);
}
