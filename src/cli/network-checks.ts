import type { Config } from '../config.ts';
import { onOpenNetworks, type PlainBackend, withoutTls } from '../lib/open-networks.ts';
import type { Check } from '../ports/backends.ts';
import { invalid } from '../settings.ts';

type Name = 'DATABASE_URL' | 'REDIS_URL' | 'RABBITMQ_URL';
type Asked = Pick<Config, 'mode' | 'urls' | 'plainBackendsAllowed'>;

/**
 * Throws AppError `invalid_request` where a server in production mode would send passwords and orders unencrypted over networks that
 * are not its owner's. It asks where names lead, so it is not a part of reading the settings.
 */
export async function refuseOpenNetworks(config: Asked): Promise<void> {
  if (config.mode !== 'production' || config.plainBackendsAllowed) return;
  const open = await onOpenNetworks(plainBackends(config));
  if (open.length > 0) throw invalid(refusal(open));
}

/** The same for `doctor`, which also names what goes unencrypted over a network of one's own. */
export async function checkNetworks(config: Asked): Promise<Check[]> {
  const plain = plainBackends(config);
  const open = await onOpenNetworks(plain);
  if (open.length > 0 && config.mode === 'production' && !config.plainBackendsAllowed)
    return [{ name: 'settings', state: 'broken', detail: refusal(open) }];
  const far = plain.filter(({ host }) => !/^(localhost|127\.[\d.]+|::1)$/.test(host));
  if (far.length === 0) return [];
  return [{ name: 'settings', state: 'note', detail: `${told(far)} without TLS` }];
}

function plainBackends({ urls }: Asked): PlainBackend<Name>[] {
  if (urls === null) return [];
  const { databaseUrl, redisUrl, rabbitmqUrl } = urls;
  return withoutTls({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, RABBITMQ_URL: rabbitmqUrl });
}

function refusal(open: readonly PlainBackend<Name>[]): string {
  return (
    `Production mode does not send passwords and orders unencrypted over open networks: ${told(open)} without TLS. ` +
    'Use ?sslmode=verify-full, rediss:// or amqps://, or set PULSECART_ALLOW_PLAIN_BACKENDS=on to accept that.'
  );
}

function told(backends: readonly PlainBackend<Name>[]): string {
  return backends.map(({ name, host }) => `${name} leads to ${host}`).join(', ');
}
