import { createServer, type Server } from 'node:net';

/**
 * Below the range from which Linux takes the ports of outgoing connections (from 32,768). A port from that range, which
 * listening on 0 would give, may be taken by any client while a backend is down, and a client that connects to it in
 * the meantime may even be connected to itself.
 */
const FIRST = 20_000;
const LAST = 32_000;
/** Ports per block; a block belongs to the process that listens on its first port. */
const BLOCK = 24;

/** Unused ports of this process's blocks. */
let left: number[] = [];
let claiming: Promise<void> = Promise.resolve();

/**
 * Free loopback ports, which no other call here or in another process gets while this process lives. (A check alone is not
 * enough: another process that checks at the same moment, or while a backend is down between a kill and its restart, would
 * get the same port.)
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    if (left.length === 0) {
      claiming = claiming.then(claimBlock);
      await claiming;
    }
    const port = left.shift();
    if (port !== undefined && (await isFree(port))) ports.push(port);
  }
  return ports;
}

/** Reserves a block by listening on its first port, for as long as this process lives. */
async function claimBlock(): Promise<void> {
  while (left.length === 0) {
    const first = FIRST + BLOCK * Math.floor(Math.random() * ((LAST - FIRST) / BLOCK));
    const claim = await listen(first);
    if (!claim) continue;
    claim.unref();
    left = Array.from({ length: BLOCK - 1 }, (_, i) => first + 1 + i);
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (!server) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** Null when another process listens already. */
function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server));
  });
}
