/** Buyers who each hold on to their key: what is cut or unavailable they ask again, with the same key, at the next address. */
export interface RepeatingBuyers {
  /** Purchases that have their order or their tracking id. */
  count(): number;
  stop(): Promise<{
    /** Their ids. */
    readonly ids: readonly string[];
    /** What came in place of an answer before one of them was repeated. */
    readonly repeats: readonly string[];
    /** Purchases that got no order, or another answer than those that are repeated. */
    readonly failed: readonly string[];
  }>;
}

/** Longer than a process may take to be replaced on a busy machine. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 100;
/** "Not now", or "not known yet": nothing speaks against another try. */
const AGAIN = ['in_flight', 'unavailable', 'overloaded', 'outcome_unknown'];

/** `urls` answers where the shop is now. Every other buyer buys the async way. */
export function startRepeatingBuyers(
  urls: () => readonly string[],
  productId: number,
  buyers: number,
): RepeatingBuyers {
  const ids: string[] = [];
  const repeats: string[] = [];
  const failed: string[] = [];
  let stopped = false;

  async function buy(channel: 'sync' | 'async', turn: number): Promise<void> {
    const key = crypto.randomUUID();
    const untilMs = performance.now() + PATIENCE_MS;
    for (let i = turn; performance.now() < untilMs; i++) {
      const url = urls()[i % urls().length]!;
      const { status, body } = await ask(`${url}/api/v1/${channel}/purchase`, productId, key);
      const { orderId, trackingId, code } = status === 0 ? {} : JSON.parse(body);
      if ((status === 200 || status === 202) && (orderId ?? trackingId))
        return void ids.push(orderId ?? trackingId);
      if (status !== 0 && !AGAIN.includes(code)) return void failed.push(`${channel} ${status} ${body}`);
      repeats.push(`${channel} ${status} ${code ?? body}`);
      await Bun.sleep(PAUSE_MS);
    }
    failed.push(`${channel}: no answer within ${PATIENCE_MS} ms`);
  }

  const running = Promise.all(
    Array.from({ length: buyers }, async (_, i) => {
      for (let turn = i; !stopped; turn++) await buy(i % 2 === 0 ? 'sync' : 'async', turn);
    }),
  );
  return {
    count: () => ids.length,
    async stop() {
      stopped = true;
      await running;
      return { ids, repeats, failed };
    },
  };
}

/** On a connection of its own; status 0 when there was no answer. */
async function ask(url: string, productId: number, key: string): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      keepalive: false,
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
      body: JSON.stringify({ productId, quantity: 1 }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    return { status: 0, body: String(error) };
  }
}
