import { BlockList, isIP } from 'node:net';

/** Where a request comes from. */
export interface ClientAddress {
  /** IPv4 in its own form, also of a connection over IPv6. Empty where the connection is gone. */
  readonly address: string;
  /** The port at the other end of the connection; a proxy's where it is one. */
  readonly port: number;
  /** The connection is a trusted proxy's, whatever its headers say. */
  readonly isProxied: boolean;
}

/** Networks of proxies whose `X-Forwarded-For` is believed. */
export interface TrustedProxies {
  has(address: string): boolean;
}

/** `networks` are valid: settings.ts has read them. */
export function createTrustedProxies(networks: readonly string[]): TrustedProxies {
  return createNetworks(networks);
}

/** Networks in CIDR notation, asked several times for each request. */
export function createNetworks(networks: readonly string[]): TrustedProxies {
  if (networks.length === 0) return { has: () => false };
  const list = new BlockList();
  /** Each network of IPv4 as its first address and the number of them: the list takes half a microsecond. */
  const plain: (readonly [first: number, count: number])[] = [];
  for (const network of networks) {
    const [address, prefix] = network.split('/') as [string, string];
    const number = ipv4Of(address);
    const count = 2 ** (32 - Number(prefix));
    if (number === -1) list.addSubnet(address, Number(prefix), familyOf(address));
    else plain.push([number - (number % count), count]);
  }
  return {
    has(address) {
      const number = ipv4Of(address);
      if (number === -1) return isIP(address) !== 0 && list.check(address, familyOf(address));
      for (const [first, count] of plain) if (number >= first && number < first + count) return true;
      return false;
    },
  };
}

/**
 * The one answer to who asks, for the log, for limits and for the trust in this machine: the other end of the connection or, where that
 * is a trusted proxy, the right-most address of `X-Forwarded-For` that no trusted proxy has. What stands to the left of that one is the
 * client's own word. Read before the answer: a closed connection has no address.
 */
export function clientAddressOf(
  req: Request,
  server: Pick<Bun.Server<unknown>, 'requestIP'>,
  proxies: TrustedProxies,
): ClientAddress {
  const { address: peer = '', port = 0 } = server.requestIP(req) ?? {};
  const connected = plain(peer);
  if (!proxies.has(connected)) return { address: connected, port, isProxied: false };
  return {
    address: forwardedFor(req.headers.get('x-forwarded-for'), connected, proxies),
    port,
    isProxied: true,
  };
}

/** A hop that is no address (`unknown`, a name) ends the search: the proxy that wrote it is the last known address. */
function forwardedFor(header: string | null, proxy: string, proxies: TrustedProxies): string {
  let known = proxy;
  for (const hop of (header ?? '').split(',').reverse()) {
    const written = hop.trim();
    const address = ipv4Of(written) === -1 ? plain(withoutPort(written)) : written;
    if (ipv4Of(address) === -1 && isIP(address) === 0) return known;
    known = address;
    if (!proxies.has(address)) return known;
  }
  return known;
}

/** An address of IPv4 as its number; -1 for anything else, a part with a leading zero among it. */
export function ipv4Of(address: string): number {
  let number = 0;
  let part = -1;
  let parts = 0;
  for (let i = 0; i <= address.length; i++) {
    const code = i < address.length ? address.charCodeAt(i) : DOT;
    if (code === DOT) {
      if (part < 0 || ++parts > 4) return -1;
      number = number * 256 + part;
      part = -1;
      continue;
    }
    const digit = code - DIGIT_0;
    if (digit < 0 || digit > 9 || part === 0) return -1;
    part = part < 0 ? digit : part * 10 + digit;
    if (part > 255) return -1;
  }
  return parts === 4 ? number : -1;
}

const DOT = 46;
const DIGIT_0 = 48;

/** Some proxies write `203.0.113.9:4711`, or `[2001:db8::1]:4711`. */
function withoutPort(hop: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([^:]*):\d+$/.exec(hop)?.[1] ?? hop;
}

function plain(address: string): string {
  if (ipv4Of(address) !== -1) return address;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address.toLowerCase();
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
