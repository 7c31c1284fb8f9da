import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

/** Networks that nobody but their owner is in: RFC 1918, 4193, 6598, 3927 and 4291, and this machine. */
const OWN = ownNetworks();
/** A name that cannot be resolved in this time is not reached either, and opening the backend says so. */
const LOOKUP_TIMEOUT_MS = 2_000;

/** A backend's URL whose traffic goes unencrypted, and where to. */
export interface PlainBackend<Name extends string> {
  readonly name: Name;
  readonly host: string;
}

/** Those of `urls` that say nothing of TLS, each with its hosts. A path of a socket is no network, and is left out. */
export function withoutTls<Name extends string>(urls: Readonly<Record<Name, string>>): PlainBackend<Name>[] {
  return Object.entries<string>(urls).flatMap(([name, url]) =>
    usesTls(url) ? [] : hostsOf(url).map((host) => ({ name: name as Name, host })),
  );
}

/** Those that somebody on the way could read: an address outside of all networks of one's own, or a name that leads to one. */
export async function onOpenNetworks<Name extends string>(
  plain: readonly PlainBackend<Name>[],
): Promise<PlainBackend<Name>[]> {
  const addresses = await Promise.all(plain.map(({ host }) => addressesOf(host)));
  return plain.filter((_, i) => addresses[i]!.some((address) => !isOwnAddress(address)));
}

export function isOwnAddress(address: string): boolean {
  return OWN.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const late = Promise.withResolvers<never[]>();
  const timer = setTimeout(() => late.resolve([]), LOOKUP_TIMEOUT_MS);
  try {
    const found = await Promise.race([lookup(host, { all: true }), late.promise]);
    return found.map(({ address }) => address);
  } catch {
    return [];
  } finally {
    clearTimeout(timer);
  }
}

/** As each client reads its URL. `sslmode=prefer` counts: node-postgres takes it for `require`. */
function usesTls(url: string): boolean {
  if (/^(rediss(\+\w+)?|amqps):/i.test(url)) return true;
  const [, mode = ''] = /[?&]sslmode=([^&]*)/.exec(url) ?? [];
  return /^(prefer|require|verify-ca|verify-full|no-verify)$/.test(mode) || /[?&]ssl=(true|1)(&|$)/.test(url);
}

function hostsOf(url: string): string[] {
  const [, inAddress = '', query = ''] =
    /^[a-z+]+:\/\/(?:[^?#]*@)?([^/?#]*)[^?]*(?:\?(.*))?$/i.exec(url) ?? [];
  // PostgreSQL's client reads it from there, too.
  const inQuery = /^postgres/i.test(url) ? new URLSearchParams(query).get('host') : null;
  return (inQuery ?? inAddress)
    .split(',')
    .map((host) => decoded(host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')))
    .filter((host) => host !== '' && !host.startsWith('/'));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function ownNetworks(): BlockList {
  const list = new BlockList();
  for (const [address, bits] of [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
  ] as const)
    list.addSubnet(address, bits, 'ipv4');
  for (const [address, bits] of [
    ['::', 127],
    ['fc00::', 7],
    ['fe80::', 10],
  ] as const)
    list.addSubnet(address, bits, 'ipv6');
  return list;
}
