import { networkInterfaces } from 'node:os';
import type { Config } from '../config.ts';
import { isLoopbackName } from '../lib/address.ts';
import type { Addresses } from './instance.ts';
import { operatorAccess } from './own-token.ts';
import { asCalled } from './terminal.ts';

const PORT_DEFAULT = '8080';

/** What a person at the terminal can do with the server that has just started. */
export function banner(
  { url, managementUrl }: Addresses,
  backends: string,
  config: Config,
  tookMs: number,
): string {
  const { mode, instances } = config;
  const { token, trustsThisMachine } = operatorAccess(config);
  const base = openable(url);
  const what = config.urls ? 'PostgreSQL, Redis and RabbitMQ' : backends;
  const here = mode === 'production' ? `production, ${what}` : what;
  const lines: (readonly [string, string])[] = [
    ['Storefront', `${base}/`],
    [
      'Operations',
      trustsThisMachine
        ? // The page takes it from the fragment, which a browser sends to nobody.
          `${base}/ops#token=${token}`
        : `${base}/ops   sign in with ${token === null ? "an operator's token" : 'PULSECART_OPERATOR_TOKEN'}`,
    ],
    ['API docs', `${base}/docs`],
    ...elsewhere(url).map((from) => ['Elsewhere', `${from}/`] as const),
    ...(instances > 1
      ? [['Processes', `${instances} on one port; SIGHUP replaces them in turn`] as const]
      : []),
    ...(managementUrl ? [['Health', `${openable(managementUrl)}/actuator/health`] as const] : []),
    ...(managementUrl ? [['Metrics', `${openable(managementUrl)}/actuator/prometheus`] as const] : []),
    ['Next', next(base, managementUrl === null ? base : openable(managementUrl), config)],
  ];
  const title = `PulseCart ready in ${(tookMs / 1000).toFixed(1)} s`;
  return [`${title}   ${here}`, ...lines.map(([name, text]) => `${name.padEnd(13)}${text}`)]
    .map((line) => `  ${line}`)
    .join('\n');
}

function next(base: string, healthUrl: string, { mode }: Config): string {
  if (mode === 'production') return asCalled(`pulsecart health --url ${healthUrl}`);
  const isDefault = new URL(base).port === PORT_DEFAULT;
  return `${asCalled(`pulsecart rush${isDefault ? '' : ` --url ${base}`}`)}   10,000 buyers`;
}

/** An address of all interfaces can be listened on, and not opened. */
function openable(url: URL): string {
  const opened = new URL(url);
  if (opened.hostname === '0.0.0.0') opened.hostname = '127.0.0.1';
  if (opened.hostname === '[::]') opened.hostname = '[::1]';
  return opened.origin;
}

/** Where other machines may reach a server of all interfaces: its first address of a network. */
function elsewhere(url: URL): string[] {
  if (isLoopbackName(url.hostname) || openable(url) === url.origin) return [];
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const found = all.find(({ internal, family }) => !internal && family === 'IPv4');
  return found ? [`http://${found.address}:${url.port}`] : [];
}
