import type { Answer } from '../support/caller.ts';
import { openStream, type StreamReader } from '../support/event-stream.ts';
import type { Shop } from '../support/shop.ts';

/** The clients of the soak test, each in a loop until it is over, and the answers they got. */

export const OPERATOR_TOKEN = 'a-token-of-enough-characters';
const AS_OPERATOR = { Authorization: `Bearer ${OPERATOR_TOKEN}`, 'X-Operator': 'grace' };

export interface Day {
  readonly shop: Shop;
  readonly products: readonly number[];
  readonly random: () => number;
  readonly told: Told;
  isOver(): boolean;
}

/** Answers that came. Whatever was cut off is asked again, or may have happened. */
export interface Told {
  /** By id: orders, and purchases that may become one. */
  readonly purchases: Map<string, IntakeRequest & { readonly channel: 'sync' | 'async' }>;
  readonly cancelled: Set<string>;
  readonly refunded: Set<string>;
  /** Reasons of the steps of operators that were answered as done; each step has its own. */
  readonly done: Set<string>;
  /** Answers that the contract does not have. */
  readonly strange: string[];
  cuts: number;
}

export interface IntakeRequest {
  readonly productId: number;
  readonly quantity: number;
  readonly userId: string;
}

export function newTold(): Told {
  return {
    purchases: new Map(),
    cancelled: new Set(),
    refunded: new Set(),
    done: new Set(),
    strange: [],
    cuts: 0,
  };
}

/** Long enough for a server to come back while somebody asks again; nobody waits for it. */
const BREATH_MS = 25;

/** Customers whose payments are scripted; they come now and then. */
const SCRIPTED_CUSTOMERS = [
  'test_decline',
  'test_late',
  'test_twice',
  'test_too_late',
  'test_refund_fails',
  'test_timeout',
];
const CUSTOMERS = 200;

/** Buys with a key each time, and asks with it again until there is an answer. */
export async function buyOn(day: Day, name: string): Promise<void> {
  for (let n = 0; !day.isOver(); n++) {
    const channel = pick(day, ['sync', 'async'] as const);
    const customer = `c${Math.floor(day.random() * CUSTOMERS)}`;
    const request = {
      productId: pick(day, day.products),
      quantity: 1 + Math.floor(day.random() * 3),
      userId: day.random() < 0.1 ? pick(day, SCRIPTED_CUSTOMERS) : customer,
    };
    const headers = { 'Idempotency-Key': `${name}-${n}` };
    const answer = await insist(day, 'POST', `/api/v1/${channel}/purchase`, request, headers);
    const id = answer.json.orderId ?? answer.json.trackingId;
    if (answer.status < 300) day.told.purchases.set(id, { ...request, channel });
    else if (answer.status !== 409) strange(day, answer);
    await Bun.sleep(BREATH_MS * day.random());
  }
}

/** Cancels what was just bought, as its buyer or as an operator, sometimes twice at once. */
export async function cancelOn(day: Day): Promise<void> {
  for (let n = 0; !day.isOver(); n++) {
    const bought = [...day.told.purchases].slice(-10);
    await Bun.sleep(BREATH_MS);
    if (bought.length === 0) continue;
    const [id, { userId }] = pick(day, bought);
    const path = `/api/v1/orders/${id}/cancel`;
    const cancel = () =>
      n % 2
        ? ask(day, 'POST', path, { userId })
        : ask(day, 'POST', path, { reason: `cancel ${n}` }, AS_OPERATOR);
    for (const answer of await Promise.all(n % 5 ? [cancel()] : [cancel(), cancel()])) {
      if (answer?.status === 200) day.told.cancelled.add(id);
      else if (answer && ![404, 409, 503].includes(answer.status)) strange(day, answer);
    }
  }
}

export async function refundOn(day: Day): Promise<void> {
  for (let n = 0; !day.isOver(); n++) {
    await Bun.sleep(2 * BREATH_MS);
    const bought = [...day.told.purchases.keys()];
    if (bought.length === 0) continue;
    const id = pick(day, bought);
    const answer = await ask(
      day,
      'POST',
      `/api/v1/orders/${id}/refund`,
      { reason: `refund ${n}` },
      AS_OPERATOR,
    );
    if (answer?.status === 200 || answer?.status === 202) day.told.refunded.add(id);
    else if (answer && ![404, 409, 503].includes(answer.status)) strange(day, answer);
  }
}

/** Units come and go, prices and holds change, sales pause and go on. */
export async function manageOn(day: Day): Promise<void> {
  for (let n = 0; !day.isOver(); n++) {
    await Bun.sleep(2 * BREATH_MS);
    const product = `/api/v1/products/${pick(day, day.products)}`;
    const reason = `step ${n}`;
    const steps: [method: string, path: string, body: object][] = [
      ['POST', `${product}/units`, { delta: 1 + Math.floor(day.random() * 5), reason }],
      ['POST', `${product}/units`, { delta: -1, reason }],
      ['PATCH', product, { priceMinor: 100 + Math.floor(day.random() * 900), reason }],
      ['POST', `${product}/pause`, { reason }],
      ['POST', `${product}/resume`, { reason }],
      ['POST', `${product}/resume`, { reason }],
    ];
    const [method, path, body] = pick(day, steps);
    const answer = await ask(day, method, path, body, AS_OPERATOR);
    if (answer?.status === 200) day.told.done.add(reason);
    else if (answer && ![409, 503].includes(answer.status)) strange(day, answer);
  }
}

/** Looks at dead letters and puts them back in line, whether or not there are any. */
export async function tidyOn(day: Day): Promise<void> {
  for (let n = 0; !day.isOver(); n++) {
    await Bun.sleep(4 * BREATH_MS);
    const found = await ask(day, 'GET', '/api/v1/ops/dead-letters', undefined, AS_OPERATOR);
    const groups = (found?.status === 200 ? found.json.groups : []) as { queue: string; cause: string }[];
    for (const { queue, cause } of groups) {
      const body = { queue, cause, reason: `tidy ${n}` };
      await ask(day, 'POST', '/api/v1/ops/dead-letters/replay', body, AS_OPERATOR);
    }
  }
}

/** A page that stays open: it comes back by itself, with the last id it saw. */
export interface Viewer extends Disposable {
  readonly reader: StreamReader | null;
  readonly connections: number;
  /** Connected now. */
  readonly isThere: boolean;
}

export function watchOn({ shop, products }: Day): Viewer {
  let reader: StreamReader | null = null;
  let connections = 0;
  let isThere = false;
  let hasLeft = false;
  const watch = async () => {
    while (!hasLeft) {
      const lastId = reader?.lastId;
      const headers = lastId ? { 'Last-Event-ID': lastId } : {};
      const next = await openStream(shop.url, `products=${products}`, headers).catch(() => null);
      if (next?.status === 200) {
        reader = next;
        connections++;
        isThere = true;
        await next.ended.catch(() => {});
        isThere = false;
      }
      await Bun.sleep(BREATH_MS);
    }
  };
  void watch();
  return {
    get reader() {
      return reader;
    },
    get connections() {
      return connections;
    },
    get isThere() {
      return isThere;
    },
    [Symbol.dispose]() {
      hasLeft = true;
      reader?.[Symbol.dispose]();
    },
  };
}

/** Asks until the answer is one that says what became of it. */
async function insist(
  day: Day,
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<Answer> {
  for (;;) {
    const answer = await ask(day, method, path, body, headers);
    const isOpen = answer === null || answer.status === 503 || answer.json.code === 'in_flight';
    if (!isOpen) return answer;
    await Bun.sleep(BREATH_MS);
  }
}

/** Null where the connection was cut, or there was nobody to connect to. */
async function ask(
  { shop, told }: Day,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer | null> {
  try {
    return await shop.call(method, path, { body, headers });
  } catch {
    told.cuts++;
    await Bun.sleep(BREATH_MS);
    return null;
  }
}

function strange({ told }: Day, { status, text }: Answer): void {
  told.strange.push(`${status} ${text.slice(0, 200)}`);
}

function pick<T>({ random }: Day, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}
