import type { Redis } from 'ioredis';
import type { AppError } from '../../../domain/errors.ts';
import { backoffMs } from '../../../lib/backoff.ts';
import { createPeriodic } from '../../../lib/periodic.ts';
import type { RedisLink } from '../link.ts';

/** A subscription that is renewed whenever its connection is lost. */
export interface Subscription {
  readonly isLive: boolean;
  close(): Promise<void>;
}

export interface SubscriptionEvents {
  onMessage(text: string): void;
  /** Called once per outage. */
  onLost(error: AppError): void;
  /** Called after the renewal. Messages published meanwhile were missed. */
  onBack(): void;
}

/** A silent connection may be half open: only an answer proves that messages would arrive. */
const PING_EVERY_MS = 1_000;
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 500;

/** Subscribes; rejects like an opening when the first attempt fails. */
export async function openSubscription(
  link: RedisLink,
  channel: string,
  events: SubscriptionEvents,
): Promise<Subscription> {
  let client: Redis | null = null;
  let isLive = false;
  let closed = false;

  /** The client's own re-subscribing is off: it does not report its completion, which is the end of the gap. */
  async function connect(): Promise<void> {
    const fresh = link.newSubscriber();
    let trouble: unknown = null;
    client = fresh;
    fresh.on('error', (error) => {
      trouble ??= error;
    });
    fresh.on('message', (_, text) => events.onMessage(text));
    fresh.once('end', () => {
      if (isLive) lost(trouble ?? new Error('Connection is closed.'));
    });
    try {
      await fresh.connect();
      await fresh.subscribe(channel);
    } catch (error) {
      fresh.disconnect();
      throw trouble ?? error;
    }
    isLive = true;
  }

  function lost(error: unknown): void {
    isLive = false;
    if (closed) return;
    events.onLost(link.trouble.ofCommand(error));
    reconnects.runIn(retryMs(0));
  }

  const retryMs = (failures: number) => backoffMs(failures + 1, RETRY_FIRST_MS, RETRY_MAX_MS);
  const reconnects = createPeriodic(
    async () => {
      await connect();
      if (!closed) events.onBack();
    },
    { retryMs, onFailure() {} },
  );

  await connect().catch((error) => {
    throw link.trouble.ofOpening(error);
  });
  // A missing answer drops the connection, by the link's socket timeout.
  const pings = setInterval(() => {
    if (isLive) client?.ping().catch(() => undefined);
  }, PING_EVERY_MS).unref();
  return {
    get isLive() {
      return isLive;
    },
    async close() {
      closed = true;
      clearInterval(pings);
      client?.disconnect();
      await reconnects.close();
    },
  };
}
