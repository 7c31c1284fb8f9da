import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP port in front of an engine, so that a test can cut one client off while the engine and the others go on. */
export interface Gateway {
  /** The given URL by way of the gateway. */
  readonly url: string;
  /** Cuts every connection, as a killed process would. New ones are let in unless `close` was called. */
  cut(): void;
  /** Sends bytes to the clients as if the engine did; between two messages of its own, so only while it is quiet. */
  say(bytes: Uint8Array): void;
  close(): Promise<void>;
}

export async function startGateway(url: string): Promise<Gateway> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    const engine = connect(Number(target.port), target.hostname);
    clients.add(client);
    client.on('close', () => clients.delete(client));
    for (const [from, to] of [
      [client, engine],
      [engine, client],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as AddressInfo).port);

  function cut(): void {
    for (const socket of sockets) socket.destroy();
  }
  return {
    url: through.href,
    cut,
    say(bytes) {
      for (const client of clients) client.write(bytes);
    },
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      return closed;
    },
  };
}
