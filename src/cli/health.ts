import { readHealthUrl } from '../config.ts';
import { AppError } from '../domain/errors.ts';
import { parse, reach } from './api.ts';
import { readFlags } from './flags.ts';
import { printHelp } from './help.ts';

const FLAGS = {
  url: { kind: 'text', what: 'the address of a server' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart health: whether a server or a worker is ready, for people and for containers

  --url URL   address of the server, or of its health   (http://127.0.0.1:PULSECART_MANAGEMENT_PORT, or PORT)

Exit status 0 when requests may be sent there, 1 with the reason when not.
Example: pulsecart health --url http://127.0.0.1:8080`;

/** Those who run a container ask every few seconds; the server itself gives each of its backends a second. */
const TIMEOUT_MS = 3_000;

interface Health {
  readonly status?: unknown;
  readonly components?: Readonly<Record<string, { readonly status?: unknown }>>;
}

/** Asks a running server for its readiness. */
export async function health(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  const url = readHealthUrl(process.env, flags);
  const { response, text } = await reach(url, '/actuator/health/readiness', TIMEOUT_MS);
  const { status } = readHealth(text, url);
  if (response.ok) {
    console.log(`ready: ${url}`);
    return 0;
  }
  const down = await componentsDown(url);
  throw new AppError(
    'unavailable',
    `The server at ${url} is not ready: ${status}${down.length > 0 ? `, ${down.join(' and ')} DOWN` : ''}.`,
  );
}

async function componentsDown(url: string): Promise<string[]> {
  const { text } = await reach(url, '/actuator/health', TIMEOUT_MS);
  const components = Object.entries(readHealth(text, url).components ?? {});
  return components.filter(([, { status }]) => status === 'DOWN').map(([name]) => name);
}

function readHealth(text: string, url: string): Health {
  const health = parse(text) as Health | undefined;
  if (typeof health?.status === 'string') return health;
  throw new AppError('unavailable', `The server at ${url} answered, but not as PulseCart does.`);
}
