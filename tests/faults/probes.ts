/**
 * Single callers who come steadily, each on a connection of its own and so to any process of the API, while a crowd is
 * served: they show when something was out of order, and for how long.
 */
export interface Probes {
  /** Those that have their answer, in the order of these. */
  readonly answered: readonly Probe[];
  /** True once each question was answered well so many times in a row, not counting those asked before that moment. */
  areWell(sinceMs: number): boolean;
  /** No more questions; resolves when those under way are answered. */
  stop(): Promise<void>;
}

/** Buying at once, buying by the queue, reading the stock. */
export const QUESTIONS = ['sync', 'async', 'stock'] as const;
export type Question = (typeof QUESTIONS)[number];

export interface Probe {
  readonly question: Question;
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  /** The HTTP status; `cut` for a connection that ended, `silent` for one on which nothing came. */
  readonly answer: number | 'cut' | 'silent';
  /** The order's id or the tracking id of one that was granted or accepted. */
  readonly id: string | null;
}

const EVERY_MS = 50;
/** Longer than any answer may take, whatever is out of order. */
const SILENT_AFTER_MS = 15_000;
/** With two processes behind the address, chance misses one of them once in a million times. */
const WELL_IN_A_ROW = 20;

export function startProbes(url: string, productId: number): Probes {
  const answered: Probe[] = [];
  const underWay = new Set<Promise<void>>();
  const timer = setInterval(() => {
    for (const question of QUESTIONS) {
      const asking = ask(question).finally(() => underWay.delete(asking));
      underWay.add(asking);
    }
  }, EVERY_MS);

  async function ask(question: Question): Promise<void> {
    const askedAtMs = performance.now();
    const { answer, id } = await hear(question);
    answered.push({ question, askedAtMs, answeredAtMs: performance.now(), answer, id });
  }

  async function hear(question: Question): Promise<Pick<Probe, 'answer' | 'id'>> {
    const buying = { method: 'POST', body: JSON.stringify({ productId, quantity: 1 }) };
    const [path, init] =
      question === 'stock'
        ? [`/api/v1/sync/stock/${productId}`, {}]
        : [`/api/v1/${question}/purchase`, buying];
    try {
      const response = await fetch(url + path, {
        ...init,
        headers: { 'Content-Type': 'application/json' },
        keepalive: false,
        signal: AbortSignal.timeout(SILENT_AFTER_MS),
      });
      const { orderId, trackingId } = (await response.json()) as { orderId?: string; trackingId?: string };
      return { answer: response.status, id: response.ok ? (orderId ?? trackingId ?? null) : null };
    } catch (error) {
      return { answer: (error as Error).name === 'TimeoutError' ? 'silent' : 'cut', id: null };
    }
  }

  return {
    answered,
    areWell: (sinceMs) =>
      QUESTIONS.every((question) => {
        const since = answered.filter((probe) => probe.question === question && probe.askedAtMs > sinceMs);
        return since.length >= WELL_IN_A_ROW && since.slice(-WELL_IN_A_ROW).every(isWell);
      }),
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

export function isWell({ answer }: Probe): boolean {
  return answer === 200 || answer === 202;
}

/** What a client may meet under faults, besides what it wants. */
export function isExcused({ answer }: Probe): boolean {
  return answer === 'cut' || answer === 409 || answer === 429 || answer === 503;
}

/** How many of a question waited longer than this for their answer, whatever it was. */
export function heldUp(probes: readonly Probe[], question: Question, ms: number): number {
  const times = probes.filter((probe) => probe.question === question);
  return times.filter(({ askedAtMs, answeredAtMs }) => answeredAtMs - askedAtMs > ms).length;
}
