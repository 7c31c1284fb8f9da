import {
  type ClientAddress,
  clientAddressOf,
  createNetworks,
  type TrustedProxies,
} from '../client-address.ts';

/** By what a caller is limited: its address, or null where that says nothing of who it is. */
export type AddressKey = (req: Request, server: Pick<Bun.Server<unknown>, 'requestIP'>) => string | null;

export function createAddressKey(proxies: TrustedProxies): AddressKey {
  return (req, server) => {
    const client = clientAddressOf(req, server, proxies);
    return saysWho(client, proxies) ? keyOf(client.address) : null;
  };
}

/**
 * A private address that nobody vouches for is mostly a balancer's, and a limit on it would be one for all buyers of the shop: it is not
 * limited. Nor is a trusted proxy that named nobody, or a connection that is gone.
 */
function saysWho({ address, isProxied }: ClientAddress, proxies: TrustedProxies): boolean {
  if (isProxied) return !proxies.has(address);
  return address !== '' && !isPrivate(address);
}

/** A household or a machine gets a /64 of IPv6 at least, and may call from any of its addresses. */
export function keyOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const first = head === '' ? [] : head.split(':');
  if (tail === undefined) return first.slice(0, 4).map(trimmed).join(':');
  const last = tail === '' ? [] : tail.split(':');
  const zeros = new Array(Math.max(0, 8 - first.length - last.length)).fill('0');
  return [...first, ...zeros, ...last].slice(0, 4).map(trimmed).join(':');
}

function trimmed(group: string): string {
  return group.replace(/^0+(?=.)/, '');
}

/** RFC 6890: loopback, private and link-local networks, and those that carriers share (RFC 6598). */
const privateNetworks = createNetworks([
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
]);

export function isPrivate(address: string): boolean {
  return privateNetworks.has(address);
}
