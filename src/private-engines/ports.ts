import { createServer } from 'node:net';

/**
 * Below the range from which Linux takes the ports of outgoing connections (from 32,768). A port from that range, which
 * listening on 0 would give, may be taken by any client while an engine is down, and a client that connects to it in
 * the meantime may even be connected to itself.
 */
const FIRST = 20_000;
const LAST = 32_000;

/** So many different ports of the loopback on which nobody listens now. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
