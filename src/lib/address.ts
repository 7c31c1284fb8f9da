import { AppError } from '../domain/errors.ts';

/** Listens on an address; throws AppError `unavailable` with the reason when the address cannot be bound. */
export function listenAt<Server>(host: string, port: number, listen: () => Server): Server {
  try {
    return listen();
  } catch (error) {
    const { code = '', message } = error as { code?: string; message: string };
    const reason = LISTEN_FAILURES[code] ?? message;
    throw new AppError('unavailable', `Cannot listen on ${host}:${port}: ${reason}.`, { cause: error });
  }
}

/** Bun says EADDRINUSE of a host name that cannot be resolved, too. */
const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use, or there is no such host',
  EADDRNOTAVAIL: 'it is not an address of this machine',
  EACCES: 'this user may not use the port',
};

/**
 * Throws like `listenAt` when another process listens there already. A supervisor that will share the port among its own
 * processes has to check: the system would let them join any other group that shares it, another shop's for instance.
 */
export async function requireFreeAddress(host: string, port: number): Promise<void> {
  const server = listenAt(host, port, () => Bun.serve({ hostname: host, port, fetch: notYet }));
  await server.stop(true);
}

function notYet(): Response {
  return new Response(null, { status: 503 });
}

/** True for a host, with or without a URL's brackets, that is surely this machine. */
export function isLoopbackName(host: string): boolean {
  return /^(localhost|\[::1\]|::1|127(\.\d{1,3}){3})$/.test(host);
}

/** For `fetch`, to an address of this machine: a proxy of the environment (`http_proxy`) does not reach it. Bun's types lack `false`. */
export const NO_PROXY = { proxy: false } as unknown as { readonly proxy: string };
