import { connectRaw, type RawAnswer, rawRequest } from './raw-http.ts';

/** Buyers whose purchases each have a key, on a connection of their own and sent once: what fails, fails the buyer. */
export interface KeyedBuyers {
  stop(): Promise<{
    /** Ids of orders and of accepted purchases. */
    readonly orders: readonly string[];
    /** Purchases that were sent again, because the server said when. */
    readonly again: number;
    /** What was heard in place of an order. */
    readonly failed: readonly string[];
  }>;
}

/** Longer than an instance may take to be found dead. */
const AGAIN_MAX = 20;

export function startKeyedBuyers(url: string, productId: number, buyers: number): KeyedBuyers {
  const orders: string[] = [];
  const failed: string[] = [];
  let again = 0;
  let stopped = false;

  async function buy(channel: 'sync' | 'async'): Promise<void> {
    const key = crypto.randomUUID();
    for (let turn = 0; turn < AGAIN_MAX; turn++) {
      const answer = await askOnce(url, channel, productId, key);
      const { orderId, trackingId, code } = answer ? JSON.parse(answer.body) : {};
      const id = orderId ?? trackingId;
      if ((answer?.status === 200 || answer?.status === 202) && id) return void orders.push(id);
      const seconds = Number(answer?.header('retry-after') ?? Number.NaN);
      // Another instance may still be deciding what it got from a balancer before.
      if (code !== 'in_flight' || Number.isNaN(seconds)) {
        failed.push(`${channel} ${answer?.status} ${answer?.body}`);
        return;
      }
      again++;
      await Bun.sleep(1000 * seconds);
    }
    failed.push(`${channel}: still in flight`);
  }

  async function buyOnAndOn(i: number): Promise<void> {
    while (!stopped) await buy(i % 2 === 0 ? 'sync' : 'async');
  }

  const running = Promise.all(Array.from({ length: buyers }, (_, i) => buyOnAndOn(i)));
  return {
    async stop() {
      stopped = true;
      await running;
      return { orders, again, failed };
    },
  };
}

async function askOnce(
  url: string,
  channel: string,
  productId: number,
  key: string,
): Promise<RawAnswer | null> {
  const body = JSON.stringify({ productId, quantity: 1, userId: `keyed-${key}` });
  using connection = await connectRaw(url);
  connection.send(
    rawRequest(
      `POST /api/v1/${channel}/purchase`,
      {
        'Content-Type': 'application/json',
        'Content-Length': `${body.length}`,
        'Idempotency-Key': key,
        Connection: 'close',
      },
      body,
    ),
  );
  return await connection.answer();
}
