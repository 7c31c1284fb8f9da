import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { targetOf } from './requests.ts';

/** Long enough for a supervisor to restart a server. */
const GONE_AFTER_MS = 5_000;
const LOOK_EVERY_MS = 250;
/** A server that accepts late is alive and busy. */
const CONNECT_TIMEOUT_MS = 2_000;

export interface ServerWatch {
  /** Aborted once every connection has been refused for some seconds. */
  readonly gone: AbortSignal;
  stop(): void;
}

export function watchServer(url: string): ServerWatch {
  const gone = new AbortController();
  const stopped = new AbortController();
  async function watch(): Promise<void> {
    let seenMs = performance.now();
    while (!stopped.signal.aborted && !gone.signal.aborted) {
      if (!(await refuses(url))) seenMs = performance.now();
      else if (performance.now() - seenMs > GONE_AFTER_MS) gone.abort();
      await sleep(LOOK_EVERY_MS, undefined, { signal: stopped.signal }).catch(() => {});
    }
  }
  void watch();
  return { gone: gone.signal, stop: () => stopped.abort() };
}

/** True for any refusal but silence, which a crowd may cause. */
function refuses(url: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const { hostname, port } = targetOf(url);
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port, timeout: CONNECT_TIMEOUT_MS });
  for (const event of ['connect', 'timeout']) socket.once(event, () => resolve(false));
  socket.once('error', () => resolve(true));
  return promise.finally(() => socket.destroy());
}
