import { afterEach, beforeEach, expect, test } from 'bun:test';
import { lastTold, openStream } from '../../../tests/support/event-stream.ts';
import { openPurchaseFixture, type PurchaseFixture } from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { createStockStream, type StockStream } from '../../app/stream/stream.ts';
import { AppError } from '../../domain/errors.ts';
import { NO_LOG } from '../../lib/log.ts';
import { createLog } from '../../telemetry/log.ts';
import { NO_BUYERS } from '../buyers/buyers.ts';
import { createTrustedProxies } from '../client-address.ts';
import type { Route } from '../route.ts';
import { handlersOf } from '../server.ts';
import { createStreamRoutes } from './stream.ts';

/** The stream itself, on real connections, with products whose events are large: full buffers take seconds otherwise. */

const trustedProxies = createTrustedProxies([]);
const EVENT_BYTES = 50_000;
const PRODUCTS = 20;
/** What systems keep for a connection that is not read; Linux does not go beyond some megabytes. */
const DEADLINE_MS = 30_000;
/** In place of a minute. Bun looks every four seconds, so less would cut those who read, too. */
const SHORT_SILENCE_S = 12;

let fixture: PurchaseFixture;
let stream: StockStream;
let server: Bun.Server<unknown>;
let url: string;

beforeEach(async () => {
  const currency = 'X'.repeat(EVENT_BYTES);
  fixture = await openPurchaseFixture({ currency });
  const more = Array.from({ length: PRODUCTS - 1 }, (_, i) => i + 2);
  await fixture.real.addProducts(
    more.map((id) => ({ id, name: 'Another thing', priceMinor: 1, currency, units: 1 })),
  );
  const { ledger, changes, stockCache, ids, conclude, clock } = fixture;
  const limits = { max: 100, perAddressMax: 0 };
  stream = createStockStream({
    ledger,
    changes,
    stockCache,
    ids,
    conclude,
    clock,
    limits,
    log: NO_LOG,
  });
  server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: serving(createStreamRoutes({ stream, trustedProxies, ...known() })),
  });
  url = server.url.href.replace(/\/$/, '');
});
afterEach(async () => {
  await stream.close();
  await server.stop(true);
  await fixture.close();
});

function known() {
  return { buyers: NO_BUYERS, ledger: fixture.ledger };
}

function serving(routes: readonly Route[]) {
  return handlersOf(routes, createLog('silent')) as Bun.Serve.Routes<unknown, string>;
}

/** A viewer who asks and then reads nothing. */
async function connectStuck(productIds: readonly number[], heard: Buffer[]) {
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: server.port!,
    socket: {
      open: (one) => {
        one.write(`GET /api/v1/stock/stream?products=${productIds} HTTP/1.1\r\nHost: x\r\n\r\n`);
        one.pause();
      },
      data: (_, chunk) => void heard.push(Buffer.from(chunk)),
    },
  });
  return {
    resume: () => socket.resume(),
    terminate: () => socket.terminate(),
    [Symbol.dispose]: () => socket.terminate(),
  };
}

/** Another version of every product; answers the last one of product 1. */
async function changeAll(): Promise<number> {
  let version = 0;
  for (let id = 1; id <= PRODUCTS; id++) {
    const product = (await fixture.real.reset(id, 5)).product!;
    if (id === 1) version = product.version;
    fixture.others.changed(product.id, product.version);
  }
  return version;
}

test(
  'a viewer who does not read is dropped to a snapshot, and the others hear everything in time',
  async () => {
    const products = Array.from({ length: PRODUCTS }, (_, i) => i + 1);
    const heard: Buffer[] = [];
    using stuck = await connectStuck(products, heard);
    using other = await openStream(url, 'products=1');
    await other.first('snapshot');
    let version = 0;
    await until(async () => {
      version = await changeAll();
      // In step with the viewer who reads, so that rounds are told and not merged.
      await until(() => lastTold(other, 1).version === version);
      return stream.stats.dropped > 0;
    }, DEADLINE_MS);
    expect(stream.subscribers()).toBe(2);
    expect(other.events.length).toBeGreaterThan(2);

    // Once it reads again it hears how things stand, in one snapshot, and goes on from there.
    stuck.resume();
    const snapshots = () => Buffer.concat(heard).toString('latin1').split('event: snapshot').slice(1);
    await until(() => snapshots().length === 2 && snapshots()[1]!.includes(`"productId":${PRODUCTS},`));
    expect(snapshots()[1]).toContain(
      `"productId":1,"total":5,"available":5,"reserved":0,"version":${version},`,
    );
    stuck.terminate();
    await until(() => stream.subscribers() === 1);
  },
  DEADLINE_MS * 2,
);

test(
  'a viewer who takes nothing for too long is disconnected, and one who reads is not',
  async () => {
    server.reload({
      routes: serving(createStreamRoutes({ stream, trustedProxies, ...known() }, SHORT_SILENCE_S)),
    });
    using other = await openStream(url, 'products=1');
    await other.first('snapshot');
    using _ = await connectStuck(
      Array.from({ length: PRODUCTS }, (_, i) => i + 1),
      [],
    );
    await until(() => stream.subscribers() === 2);
    await until(async () => {
      const version = await changeAll();
      await until(() => lastTold(other, 1).version === version);
      return stream.subscribers() === 1;
    }, DEADLINE_MS);
    expect(stream.stats.dropped).toBe(1);
  },
  DEADLINE_MS * 2,
);

test('a ledger that cannot be asked is a problem of the moment, and takes no seat', async () => {
  fixture.ledger.product = async () => {
    throw new AppError('unavailable', 'for the test');
  };
  const answer = await fetch(`${url}/api/v1/stock/stream?products=1`);
  expect(answer.status).toBe(503);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.headers.get('retry-after')).toMatch(/^[123]$/);
  expect(stream.connections()).toBe(0);
});

test('a viewer who goes while the ledger is asked leaves no seat behind', async () => {
  const held = Promise.withResolvers<void>();
  let asked = 0;
  fixture.ledger.product = async (id) => {
    asked++;
    await held.promise;
    return fixture.real.product(id);
  };
  const leaving = new AbortController();
  const { signal } = leaving;
  const answers = Array.from({ length: 10 }, () =>
    fetch(`${url}/api/v1/stock/stream?products=1`, { signal }).catch(() => 'gone'),
  );
  await until(() => asked > 0 && server.pendingRequests === 10);
  leaving.abort();
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['gone']));
  await until(() => server.pendingRequests === 0);
  held.resolve();
  await until(() => stream.connections() === 0);
});
