import { expect } from 'bun:test';
import type { Answer } from './caller.ts';
import { eventually, type Shop } from './shop.ts';

/** What a server answers while a backend is away, to buyers and to those who watch it. */

/** A proxy's caller, which is no operator in any mode. */
export const BUYER = { 'X-Forwarded-For': '198.51.100.7' };
const ORDER = '019a0000-0000-7000-8000-000000000000';

/** Where backends are, and how they are spoken to. */
const PLACES =
  /127\.0\.0\.1|localhost|::1|ECONN|ENO|EIO|virtual host|vhost|amqp|SQLITE_|\.db\b|\/tmp|\b(SELECT|INSERT|UPDATE|BEGIN|LOCK)\b|relation "|password|errno|getaddrinfo/i;

/** Everything a buyer can ask for. */
export async function askAsBuyer(shop: Shop): Promise<Map<string, Answer>> {
  const body = { productId: 1, quantity: 1 };
  const gets = [
    '/api/v1/sync/stock/1',
    '/api/v1/sync/stock/77',
    '/api/v1/sync/health',
    '/api/v1/async/health',
    '/api/v1/async/queue/status',
    `/api/v1/async/purchase/${ORDER}`,
    `/api/v1/orders/${ORDER}`,
    '/api/v1/products',
    '/api/v1/products/77',
    '/api/v1/stock/stream?products=77',
    '/actuator/health',
    '/actuator/health/db',
    '/actuator/health/diskSpace',
    '/actuator/health/readiness',
    '/actuator/info',
    '/actuator/metrics',
    '/actuator/prometheus',
  ];
  const key = { ...BUYER, 'Idempotency-Key': crypto.randomUUID() };
  const asked: [string, () => Promise<Answer>][] = [
    ...gets.map((path): [string, () => Promise<Answer>] => [path, () => shop.get(path, BUYER)]),
    ['sync', () => shop.buy('sync', body, BUYER)],
    ['sync with key', () => shop.buy('sync', body, key)],
    ['async', () => shop.buy('async', body, BUYER)],
    ['async with key', () => shop.buy('async', body, key)],
    ['cancel', () => shop.call('POST', `/api/v1/orders/${ORDER}/cancel`, { body: {}, headers: BUYER })],
  ];
  const answers = await Promise.all(asked.map(async ([name, ask]) => [name, await ask()] as const));
  return new Map(answers);
}

/** None of them says where something is; at least one must have failed, or nothing was tried. */
export function expectNoPlaces(answers: ReadonlyMap<string, Answer>): void {
  const said = [...answers]
    .filter(([, { text }]) => PLACES.test(text))
    .map(([name, { text }]) => [name, text]);
  expect(said).toEqual([]);
  expect([...answers.values()].some(({ status }) => status === 503)).toBe(true);
}

/** A scrape that is answered within a second, with what can be read and a word on what cannot. */
export async function expectScrape(shop: Shop, unreadable: readonly string[]): Promise<void> {
  for (const path of [
    '/actuator/prometheus',
    '/actuator/metrics',
    '/actuator/metrics/pulsecart_purchases_inside',
  ]) {
    const { status } = await inASecond(() => shop.get(path));
    expect([path, status]).toEqual([path, 200]);
  }
  let text = '';
  const unreadableNow = async () => {
    text = (await shop.get('/actuator/prometheus')).text;
    return [...text.matchAll(/^pulsecart_metric_unreadable\{source="(\w+)"\} 1$/gm)].map(([, name]) => name);
  };
  // A busy machine may keep one of the others from being read in time, too, for a moment.
  await eventually(async () => (await unreadableNow()).sort().join() === [...unreadable].sort().join());
  expect(text).toMatch(/^pulsecart_purchases_total\{channel="sync",outcome="reserved"\} \d+$/m);
  expect(text).toMatch(/^pulsecart_disk_free_bytes \d{6,}$/m);
  expect(text.includes('pulsecart_units{')).toBe(!unreadable.includes('products'));
  expect(/^pulsecart_queue_purchases_waiting /m.test(text)).toBe(!unreadable.includes('queues'));
}

/** A process tells its figures once a second, and has none before. */
export function untilFiguresAreTold(shop: Shop): Promise<void> {
  return eventually(async () => (await shop.get('/api/v1/ops/rates')).json.total.instances > 0);
}

/** The live figures likewise: what cannot be read is null. */
export async function expectRates(shop: Shop, readable: { queue: boolean; ledger: boolean }): Promise<void> {
  const rates = await inASecond(() => shop.get('/api/v1/ops/rates'));
  expect(rates.status).toBe(200);
  expect(rates.json.total.instances).toBeGreaterThan(0);
  expect([rates.json.units !== null, rates.json.backlog.oldestAgeMs !== null]).toEqual([
    readable.ledger,
    readable.queue,
  ]);
  const queues = await inASecond(() => shop.get('/api/v1/ops/queues'));
  expect([queues.status, queues.json.refundsDue !== null, queues.json.queues !== null]).toEqual([
    200,
    readable.ledger,
    readable.queue,
  ]);
}

/** Asks until the answer comes within a second: a machine that is busy with other things may take longer now and then. */
async function inASecond(ask: () => Promise<Answer>): Promise<Answer> {
  let answer: Answer | undefined;
  await eventually(async () => {
    const beganAtMs = performance.now();
    answer = await ask();
    return performance.now() - beganAtMs < 1_000;
  });
  return answer!;
}
