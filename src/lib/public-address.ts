import { BlockList, isIP } from 'node:net';

/**
 * Which addresses a request that somebody configured may go to: those of the public internet, and the networks that the
 * operator allows by name. Everything else may be a service that trusts its neighbours, such as a cloud's metadata.
 */
export interface AddressRules {
  /** Null where the address may be called, otherwise why not. */
  refusal(address: string): string | null;
  /** Whether the operator has named its network. */
  isAllowed(address: string): boolean;
}

/** `allowed` are valid networks in CIDR notation. */
export function createAddressRules(allowed: readonly string[]): AddressRules {
  const named = listOf(allowed);
  const isAllowed = (address: string) => has(named, plain(address));
  return {
    isAllowed,
    refusal(address) {
      const asked = plain(address);
      if (isIP(asked) === 0) return `${JSON.stringify(address)} is no address`;
      if (isAllowed(asked)) return null;
      const isPublic =
        isIP(asked) === 4 ? !has(NOT_PUBLIC, asked) : has(GLOBAL_V6, asked) && !has(NOT_PUBLIC, asked);
      return isPublic ? null : `${asked} is not a public address`;
    },
  };
}

/** Of the IANA registries of special-purpose addresses, what is not globally reachable or leads somewhere else. */
const NOT_PUBLIC = listOf([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  // Link-local, the metadata of most clouds among it.
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  // Multicast, reserved, broadcast.
  '224.0.0.0/3',
  // Azure's own services, under an address that looks like any other.
  '168.63.129.16/32',
  // Teredo and what else is for protocols.
  '2001::/23',
  '2001:db8::/32',
  // 6to4: an IPv4 address is inside.
  '2002::/16',
  '3fff::/20',
]);

/** All that was ever given out; loopback, link-local, private, mapped and translated ones are outside. */
const GLOBAL_V6 = listOf(['2000::/3']);

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address, prefix] = network.split('/') as [string, string];
    list.addSubnet(address, Number(prefix), familyOf(address));
  }
  return list;
}

function has(list: BlockList, address: string): boolean {
  return isIP(address) !== 0 && list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** An IPv4 address in the dress of an IPv6 one, in both ways of writing, is that IPv4 address. */
function plain(address: string): string {
  const inner = /^(?:0*:)*:?ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (inner) return inner;
  const hex = /^(?:0*:)*:?ffff:([\da-f]{1,4}):([\da-f]{1,4})$/i.exec(address);
  if (!hex) return address.toLowerCase();
  const [high, low] = [Number.parseInt(hex[1]!, 16), Number.parseInt(hex[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
