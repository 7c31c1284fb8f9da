import { expect, test } from 'bun:test';
import { runPulsecart } from '../support/command.ts';
import { openStream } from '../support/event-stream.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type EmbeddedShop, eventually, openShop } from '../support/shop.ts';

/** Whose word for a client's address counts. The tests' own connections come from the loopback address. */

const HERE = { PULSECART_TRUSTED_PROXIES: '::1, 127.0.0.0/8' };
const ELSEWHERE = { PULSECART_TRUSTED_PROXIES: '10.0.0.0/8' };
const LIMITED = { PULSECART_STREAMS_PER_ADDRESS: '1' };
const LOGGED = { PULSECART_LOG_REQUESTS: 'on' };
const RESET = '/api/v1/sync/stock/1/reset?stock=5';

const forwarded = (address: string) => ({ 'X-Forwarded-For': `198.51.100.1, ${address}` });

test('B3 from a trusted proxy each client has its own address in the log and its own limit of streams', async () => {
  await using shop = await openShop({ ...HERE, ...LIMITED, ...LOGGED });
  using first = await openStream(shop.url, 'products=1', forwarded('203.0.113.9'));
  await first.first('snapshot');
  using second = await openStream(shop.url, 'products=1', forwarded('2001:db8::9'));
  await second.first('snapshot');
  using again = await openStream(shop.url, 'products=1', forwarded('203.0.113.9'));
  expect([first, second, again].map(({ status }) => status)).toEqual([200, 200, 429]);
  await eventually(async () => (await addressesLogged(shop)).length >= 3);
  expect(await addressesLogged(shop)).toEqual(['203.0.113.9', '2001:db8::9', '203.0.113.9']);
});

test('B3 from anywhere else the header is ignored, set or not', async () => {
  for (const env of [{}, ELSEWHERE]) {
    await using shop = await openShop({ ...env, ...LIMITED, ...LOGGED });
    using first = await openStream(shop.url, 'products=1', forwarded('203.0.113.9'));
    await first.first('snapshot');
    using second = await openStream(shop.url, 'products=1', forwarded('203.0.113.10'));
    expect(second.status).toBe(429);
    await eventually(async () => (await addressesLogged(shop)).length >= 2);
    expect(new Set(await addressesLogged(shop))).toEqual(new Set(['127.0.0.1']));
  }
});

test('B3 nobody becomes this machine by a header, and a trusted proxy on it is not this machine', async () => {
  await using open = await openShop();
  expect((await open.call('PUT', RESET)).status).toBe(200);
  for (const env of [HERE, ELSEWHERE, {}]) {
    await using shop = await openShop(env);
    for (const claim of ['127.0.0.1', '::1', '127.0.0.1, 127.0.0.1', '']) {
      const headers = { 'X-Forwarded-For': claim };
      expect([claim, (await shop.call('PUT', RESET, { headers })).status]).toEqual([claim, 401]);
    }
    // Without a trace of a proxy: it is one all the same where its address is named as a proxy's.
    expect((await shop.call('PUT', RESET)).status).toBe(env === HERE ? 401 : 200);
  }
});

test('B1 a network that is none stops the start with its name', async () => {
  using folder = temporaryFolder();
  const { exit, stderr } = await runPulsecart(['serve', '--port', '0', '--data', folder.path], {
    PULSECART_TRUSTED_PROXIES: '10.0.0.0/8,haproxy',
  });
  expect([exit, stderr]).toEqual([
    2,
    'pulsecart: PULSECART_TRUSTED_PROXIES must be networks such as 10.0.0.0/8 and fd00::/8, with commas between them; "haproxy" is none.\n',
  ]);
});

async function addressesLogged(shop: EmbeddedShop): Promise<string[]> {
  const lines = shop.server
    .log()
    .split('\n')
    .filter((line) => line.includes('"msg":"request"'));
  return lines.map((line) => JSON.parse(line).address);
}
