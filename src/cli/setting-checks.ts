import type { Config } from '../config.ts';
import { isLoopbackName } from '../lib/address.ts';
import { usesDefaultCredentials } from '../lib/default-credentials.ts';
import type { Check } from '../ports/backends.ts';

/** Settings that a server starts with, and that would hurt it in a sale. */
export function checkSettings(config: Config): Check[] {
  return NOTES.flatMap((note) => noted(note(config)));
}

/** Each is one sentence about a setting, or null where there is nothing to say. */
const NOTES: readonly ((config: Config) => string | null)[] = [
  ({ mode, host }) =>
    mode === 'development' && !isLoopbackName(host)
      ? `PULSECART_MODE is development on ${host}, where others than this machine may ask`
      : null,
  ({ limits, trustedProxies, host }) =>
    limits !== null && trustedProxies.length === 0 && !isLoopbackName(host)
      ? 'PULSECART_LIMITS is on without PULSECART_TRUSTED_PROXIES: behind a proxy all buyers have its address. A private one is not limited then, and a public one is limited as if it were one buyer'
      : null,
  ({ limits, mode }) =>
    limits === null && mode === 'production' ? 'PULSECART_LIMITS is off: requests are not limited' : null,
  ({ traces }) =>
    traces?.sampling.ratio === 1
      ? 'every request is traced; a ratio below 1 (OTEL_TRACES_SAMPLER) is for crowds'
      : null,
  ({ logRequests }) => (logRequests ? 'PULSECART_LOG_REQUESTS logs every request' : null),
  ({ logLevel }) =>
    logLevel === 'debug' || logLevel === 'trace' ? `PULSECART_LOG_LEVEL is ${logLevel}` : null,
  ({ urls }) => {
    const known = Object.entries(urls ?? {}).filter(([, url]) => usesDefaultCredentials(url));
    if (known.length === 0) return null;
    const names = known.map(([name]) => VARIABLES[name as keyof typeof VARIABLES]);
    return `${names.join(' and ')}: no password, or one that documents show`;
  },
  ({ runsPayments, urls }) =>
    !runsPayments && urls === null ? 'PULSECART_PAYMENTS is off: orders are not charged' : null,
  ({ worker, urls }) =>
    !worker && urls === null ? 'PULSECART_WORKER is off: queued purchases are not decided' : null,
];

const VARIABLES = { databaseUrl: 'DATABASE_URL', redisUrl: 'REDIS_URL', rabbitmqUrl: 'RABBITMQ_URL' };

function noted(detail: string | null): Check[] {
  return detail === null ? [] : [{ name: 'settings', state: 'note', detail }];
}

export function liveStreams({ streams: { max, perAddressMax } }: Config): Check {
  return {
    name: 'live streams',
    state: 'ok',
    detail: `${max} at once in this process, ${perAddressMax === 0 ? 'any number' : perAddressMax} from one address`,
    limit: perAddressMax === 0 ? max : Math.min(max, perAddressMax),
  };
}
