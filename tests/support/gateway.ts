import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP port in front of a backend, so that a test can cut one client off while the backend and the others go on. */
export interface Gateway {
  /** The given URL by way of the gateway. */
  readonly url: string;
  /** Cuts every connection, as a killed process would. New ones are let in unless `close` was called. */
  cut(): void;
  /**
   * Keeps what the clients of today send from now on, also when they are cut, until it is delivered: a statement that is late.
   * With `refuse` no new connection is let in until then.
   */
  hold(options?: { readonly refuse?: boolean }): { arrived(): boolean; deliver(): void };
  /** Sends bytes to the clients as if the backend did; between two messages of its own, so only while it is quiet. */
  say(bytes: Uint8Array): void;
  close(): Promise<void>;
}

/** What the backend says to one client, as it comes; answers what the client is told of it. */
export type Hearing = (bytes: Buffer) => Buffer;

/** `newHearing` makes one for each connection. */
export async function startGateway(
  url: string,
  newHearing: () => Hearing = () => (bytes) => bytes,
): Promise<Gateway> {
  const target = new URL(url);
  const pairs = new Set<Pair>();
  let refusing = false;
  const server = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    const pair: Pair = { client, backend: connect(Number(target.port), target.hostname), held: null };
    const { backend } = pair;
    const hear = newHearing();
    pairs.add(pair);
    client.on('data', (bytes: Buffer) => void (pair.held ? pair.held.push(bytes) : backend.write(bytes)));
    backend.on('data', (bytes: Buffer) => void (client.destroyed || client.write(hear(bytes))));
    for (const socket of [client, backend]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
    }
    client.on('close', () => pair.held || backend.destroy());
    backend.on('close', () => {
      client.destroy();
      pairs.delete(pair);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as AddressInfo).port);

  function cut(): void {
    for (const { client } of pairs) client.destroy();
  }
  return {
    url: through.href,
    cut,
    hold({ refuse = false } = {}) {
      const holding = [...pairs];
      for (const pair of holding) pair.held = [];
      refusing = refuse;
      return {
        arrived: () => holding.some(({ held }) => (held?.length ?? 0) > 0),
        deliver() {
          refusing = false;
          for (const pair of holding) {
            for (const bytes of pair.held ?? []) pair.backend.write(bytes);
            pair.held = null;
            // A client that has gone is no reason for a backend to stop what it was told.
            if (pair.client.destroyed) pair.backend.end();
          }
        },
      };
    },
    say(bytes) {
      for (const { client } of pairs) client.write(bytes);
    },
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const { client, backend } of pairs) {
        client.destroy();
        backend.destroy();
      }
      return closed;
    },
  };
}

/** A client and the backend behind it. `held`: what the client has sent and the backend has not been told. */
interface Pair {
  readonly client: Socket;
  readonly backend: Socket;
  held: Buffer[] | null;
}
