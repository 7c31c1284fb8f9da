import { AppError } from '../../domain/errors.ts';

/**
 * Where a Redis is, read from its URL:
 *
 *     redis://[[user]:password@]host[:6379][/db]
 *     redis+sentinel://[[user]:password@]host[:26379],host[:26379]/master-name[/db]
 *     redis+cluster://[[user]:password@]host[:6379],host[:6379]
 *
 * With `rediss` in place of `redis` everything goes over TLS. Parameters after `?`: `ca` is the path of a PEM file with
 * the authority that signed the servers' certificates (else the system's and NODE_EXTRA_CA_CERTS count), and
 * `sentinelPassword` is the password of the sentinels themselves.
 */
export type RedisAddress = SingleAddress | SentinelAddress | ClusterAddress;

interface CommonAddress {
  readonly tls: boolean;
  readonly hosts: readonly RedisHost[];
  readonly username: string | null;
  readonly password: string | null;
  /** PEM file of the certificate authority; null: those that the system trusts. */
  readonly caFile: string | null;
}

interface SingleAddress extends CommonAddress {
  readonly kind: 'single';
  readonly db: number;
}

interface SentinelAddress extends CommonAddress {
  readonly kind: 'sentinel';
  readonly db: number;
  readonly masterName: string;
  readonly sentinelPassword: string | null;
}

interface ClusterAddress extends CommonAddress {
  readonly kind: 'cluster';
}

export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26379;

/** Throws `invalid_request` with one sentence, which never shows what stands before the `@` or after the `?`. */
export function parseRedisUrl(url: string): RedisAddress {
  const [, scheme, user, hosts, path, query] =
    /^([a-z+]+):\/\/(?:([^/?]*)@)?([^/?]*)([^?]*)(?:\?(.*))?$/.exec(url) ?? [];
  const [, tls, kind = 'single'] = /^redis(s?)(?:\+(sentinel|cluster))?$/.exec(scheme ?? '') ?? [];
  if (tls === undefined) throw invalid(`must begin with ${SCHEMES}`);
  const names = path!.split('/').slice(1);
  const parameters = readParameters(query, kind, tls === 's');
  const common = {
    tls: tls === 's',
    hosts: readHosts(hosts!, kind === 'sentinel' ? SENTINEL_PORT : REDIS_PORT),
    ...readUser(user),
    caFile: parameters.get('ca') ?? null,
  };
  switch (kind) {
    case 'sentinel': {
      const [masterName, db] = names;
      if (!masterName)
        throw invalid("must name the master after the sentinels' hosts, as in host:26379/mymaster");
      refuseMore(names, 2);
      const sentinelPassword = parameters.get('sentinelPassword') ?? null;
      return {
        kind,
        ...common,
        masterName: decode(masterName, 'name of the master'),
        db: readDb(db),
        sentinelPassword,
      };
    }
    case 'cluster':
      if (names.join('') !== '') throw invalid('must not name a database: a cluster has only database 0');
      return { kind, ...common };
    default:
      if (common.hosts.length > 1) {
        throw invalid('names several hosts; that takes redis+sentinel:// or redis+cluster://');
      }
      refuseMore(names, 1);
      return { kind: 'single', ...common, db: readDb(names[0]) };
  }
}

/** The address without its secrets, for display: `127.0.0.1:6379`, `cluster a:6379,b:6379`. */
export function showAddress(address: RedisAddress): string {
  const hosts = address.hosts
    .map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`)
    .join(',');
  switch (address.kind) {
    case 'single':
      return hosts;
    case 'sentinel':
      return `${address.masterName} of the sentinels ${hosts}`;
    case 'cluster':
      return `the cluster ${hosts}`;
  }
}

const SCHEMES =
  'redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://';

function readHosts(text: string, defaultPort: number): RedisHost[] {
  return text.split(',').map((part) => {
    const [, bracketed, plain, port] =
      /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]@\s]+))(?::(\d{1,5}))?$/.exec(part) ?? [];
    const host = bracketed ?? plain;
    const number = port === undefined ? defaultPort : Number(port);
    if (host === undefined || number < 1 || number > 65_535) {
      // The wrong part may belong to a password with an unescaped slash: it is not shown.
      throw invalid(
        'must name its hosts as host or host:port, several with commas between; in a password write @ as %40 and / as %2F',
      );
    }
    return { host, port: number };
  });
}

function readUser(text: string | undefined): { username: string | null; password: string | null } {
  if (text === undefined) return { username: null, password: null };
  const colon = text.indexOf(':');
  if (colon === -1) throw invalid('must have a colon before its password, as in redis://:password@host');
  return {
    username: decode(text.slice(0, colon), 'user name') || null,
    password: decode(text.slice(colon + 1), 'password') || null,
  };
}

function readDb(text: string | undefined): number {
  if (!text) return 0;
  if (!/^\d{1,5}$/.test(text))
    throw invalid('must end with the number of a database, as in redis://host:6379/0');
  return Number(text);
}

function readParameters(query: string | undefined, kind: string, tls: boolean): Map<string, string> {
  const parameters = new Map(new URLSearchParams(query ?? ''));
  for (const [name, value] of parameters) {
    const fits = (name === 'ca' && tls) || (name === 'sentinelPassword' && kind === 'sentinel');
    if (!fits || value === '') {
      throw invalid(
        'may only have the parameters ca (a file, with rediss) and sentinelPassword (with sentinels)',
      );
    }
  }
  return parameters;
}

function refuseMore(names: readonly string[], max: number): void {
  if (names.length > max) throw invalid('has too many slashes; in a password write / as %2F');
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`has a percent sign in its ${what} that begins no escape; write % as %25`);
  }
}

function invalid(message: string): AppError {
  return new AppError('invalid_request', `The URL of Redis ${message}.`);
}
