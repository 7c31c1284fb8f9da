import { createServer, type Server } from 'node:net';

/**
 * Below the range from which Linux takes the ports of outgoing connections (from 32,768). A port from that range, which
 * listening on 0 would give, may be taken by any client while a backend is down, and a client that connects to it in
 * the meantime may even be connected to itself.
 */
const FIRST = 20_000;
const LAST = 32_000;
/** How many ports belong to the one who listens on the first of them. */
const BLOCK = 24;

/** Ports of blocks of this process that it has given to nobody yet. */
let left: number[] = [];
let claiming: Promise<void> = Promise.resolve();

/**
 * So many different ports of the loopback on which nobody listens, and that no other call here or in another process gets while
 * this process lives. (Looking alone is not enough: whoever looks at the same moment, or while a backend is down between a kill
 * and its restart, would be given the same port.)
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

/** Listening on a block's first port makes it ours, for as long as this process lives and no longer. */
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

/** Null where somebody listens already. */
function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server));
  });
}
