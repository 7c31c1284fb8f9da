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
  if (networks.length === 0) return { has: () => false };
  const list = new BlockList();
  for (const network of networks) {
    const [address, prefix] = network.split('/') as [string, string];
    list.addSubnet(address, Number(prefix), familyOf(address));
  }
  return { has: (address) => isIP(address) !== 0 && list.check(address, familyOf(address)) };
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
    const address = plain(withoutPort(hop.trim()));
    if (isIP(address) === 0) return known;
    known = address;
    if (!proxies.has(address)) return known;
  }
  return known;
}

/** Some proxies write `203.0.113.9:4711`, or `[2001:db8::1]:4711`. */
function withoutPort(hop: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([^:]*):\d+$/.exec(hop)?.[1] ?? hop;
}

function plain(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address.toLowerCase();
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
