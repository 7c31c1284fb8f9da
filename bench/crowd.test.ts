import { afterEach, expect, test } from 'bun:test';
import { type CrowdOptions, runCrowd } from './crowd.ts';
import { openProfile } from './profiles.ts';
import { customerOf } from './requests.ts';

const servers: Bun.Server<undefined>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) void server.stop(true);
});

/** A server with `units` units that decides each purchase at once; `turnAway` says which requests get a 503 first. */
function fakeShop(
  units: number,
  options: { turnAway?: (n: number, userId: string) => boolean; forgetsKeys?: boolean } = {},
) {
  const byKey = new Map<string, string>();
  const customers: string[] = [];
  const orders = new Map<string, boolean>();
  let left = units;
  let requests = 0;
  const decide = (customer: string) => {
    customers.push(customer);
    const id = `id-${customers.length}`;
    orders.set(id, left > 0);
    if (left > 0) left--;
    return id;
  };
  const purchase = (answer: (id: string, body: { productId: number; quantity: number }) => Response) => {
    return async (request: Request) => {
      const body = (await request.json()) as { productId: number; quantity: number; userId: string };
      if (options.turnAway?.(requests++, body.userId)) {
        return Response.json({ code: 'overloaded' }, { status: 503, headers: { 'Retry-After': '0' } });
      }
      const key = request.headers.get('idempotency-key');
      const known = key === null || options.forgetsKeys ? undefined : byKey.get(key);
      const id = known ?? decide(body.userId);
      if (key !== null && orders.get(id)) byKey.set(key, id);
      return answer(id, { productId: body.productId, quantity: body.quantity });
    };
  };
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: {
      '/api/v1/sync/purchase': {
        POST: purchase((id, asked) =>
          orders.get(id)
            ? Response.json({ success: true, orderId: id, ...asked, remainingStock: left })
            : Response.json(
                { success: false, orderId: null, ...asked, remainingStock: 0, code: 'sold_out' },
                { status: 409 },
              ),
        ),
      },
      '/api/v1/async/purchase': {
        POST: purchase((id, asked) =>
          Response.json({ accepted: true, trackingId: id, ...asked }, { status: 202 }),
        ),
      },
      '/api/v1/async/purchase/:id': (request) => {
        const trackingId = request.params.id;
        const won = orders.get(trackingId);
        const about = { trackingId, productId: 1, quantity: 1 };
        return Response.json(
          won
            ? { ...about, status: 'confirmed', orderId: trackingId }
            : { ...about, status: 'rejected', code: 'sold_out' },
        );
      },
    },
  });
  servers.push(server);
  return { url: server.url.origin, customers, orders };
}

function crowdAt(url: string, options: Partial<CrowdOptions> = {}) {
  return runCrowd({
    url,
    productId: 1,
    quantity: 1,
    users: 400,
    ratePerS: 4000,
    mode: 'both',
    seed: 7,
    patienceMs: 5000,
    ...options,
  });
}

test('every buyer of a mixed crowd comes once and learns what became of them', async () => {
  const shop = fakeShop(50);
  const { record, sync, accept, confirm } = await crowdAt(shop.url);
  expect(new Set(shop.customers).size).toBe(400);
  expect(shop.customers.toSorted()).toEqual(Array.from({ length: 400 }, (_, buyer) => customerOf(7, buyer)));
  expect(record.count('sold', 'confirmed')).toBe(50);
  expect(record.count('refused', 'rejected')).toBe(350);
  expect(sync.count + accept.count).toBe(400);
  expect(confirm.count).toBe(accept.count);
  expect(accept.count).toBeGreaterThan(100);
});

test('the answers written down are the ones that the server gave to that buyer', async () => {
  const shop = fakeShop(10);
  const { record } = await crowdAt(shop.url);
  for (let buyer = 0; buyer < record.users; buyer++) {
    const won = record.result(buyer) === 'sold' || record.result(buyer) === 'confirmed';
    const id = record.id(buyer);
    if (id !== undefined) expect(shop.orders.get(id)).toBe(won);
    if (id !== undefined) expect(shop.customers[Number(id.slice(3)) - 1]).toBe(customerOf(7, buyer));
    if (!won) expect(record.code(buyer)).toBe('sold_out');
  }
});

test('a buyer who was turned away comes again, and is counted', async () => {
  // Nobody twice: after some times in vain a buyer gives up.
  const away = new Set<string>();
  const shop = fakeShop(1000, {
    turnAway: (n, userId) => n % 4 === 0 && !away.has(userId) && away.add(userId).has(userId),
  });
  const { record, retries } = await crowdAt(shop.url, { mode: 'sync' });
  expect(record.count('sold')).toBe(400);
  expect(away.size).toBeGreaterThan(50);
  expect(retries).toBe(away.size);
});

test('a buyer who is always turned away gives up without having an order', async () => {
  const shop = fakeShop(1000, { turnAway: () => true });
  const { record } = await crowdAt(shop.url, { users: 20 });
  expect(record.count('overloaded')).toBe(20);
  expect(shop.customers).toEqual([]);
});

test('a cut connection leaves its buyer unknown, and the rest of the crowd goes on', async () => {
  const shop = fakeShop(1000);
  const proxy = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      // Every connection is cut at its first request.
      data: (socket) => {
        socket.terminate();
      },
    },
  });
  try {
    const { record, cuts } = await crowdAt(`http://127.0.0.1:${proxy.port}`, { users: 30, mode: 'sync' });
    expect(record.count('unknown')).toBe(30);
    expect(cuts).toBe(30);
    expect(shop.customers).toEqual([]);
  } finally {
    proxy.stop(true);
  }
});

test('latency runs from the intended start, so a server that stalls is seen by all who came meanwhile', async () => {
  const stallMs = 300;
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: {
      '/api/v1/sync/purchase': {
        POST: () => {
          if (!stalled) {
            stalled = true;
            // The crowd shares this thread and stalls, too; its buyers were to come all the same.
            Bun.sleepSync(stallMs);
          }
          const body = { success: false, orderId: null, productId: 1, quantity: 1, remainingStock: 0 };
          return Response.json(body, { status: 409 });
        },
      },
    },
  });
  let stalled = false;
  servers.push(server);
  const { sync } = await crowdAt(server.url.origin, { mode: 'sync', users: 200, ratePerS: 1000 });
  expect(sync.percentileMs(99)).toBeGreaterThan(150);
});

test('a purchase that was sent and never answered is unknown, because it may have been carried out', async () => {
  const silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  try {
    const url = `http://127.0.0.1:${silent.port}`;
    const { record } = await crowdAt(url, { users: 20, mode: 'both', patienceMs: 50 });
    expect(record.count('unknown')).toBe(20);
  } finally {
    silent.stop(true);
  }
});

test('an impatient buyer sends the same purchase again, and is answered with the same order', async () => {
  const shop = fakeShop(1000);
  const { record, repeats } = await crowdAt(shop.url, { profile: openProfile('retry-happy') });
  expect(record.count('sold', 'confirmed')).toBe(400);
  expect(new Set(shop.customers).size).toBe(400);
  expect(shop.customers.length).toBe(400);
  expect(repeats.compared).toBeWithin(90, 180);
  expect(repeats.different).toBe(0);
});

test('a server that forgets keys is found out by who sends a purchase twice', async () => {
  const shop = fakeShop(1000, { forgetsKeys: true });
  const { repeats } = await crowdAt(shop.url, { firstRepeaters: 20 });
  expect(repeats.compared).toBe(20);
  expect(repeats.different).toBe(repeats.compared);
});

test('the times of each buyer say when they meant to come, came, were answered and knew', async () => {
  const shop = fakeShop(50);
  const { record, times } = await crowdAt(shop.url);
  for (let buyer = 0; buyer < record.users; buyer++) {
    const [intended, sent, answered, decided] = (
      ['intendedMs', 'sentMs', 'answeredMs', 'decidedMs'] as const
    ).map((name) => times[name][buyer]!);
    expect(intended!).toBeLessThanOrEqual(sent!);
    expect(sent!).toBeLessThanOrEqual(answered!);
    expect(answered!).toBeLessThanOrEqual(decided!);
  }
});
