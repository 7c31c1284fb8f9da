import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readyLine } from '../../bench/server-process.ts';
import { createRoutes } from '../../src/http/routes.ts';
import type { Service } from '../../src/http/service.ts';
import { haveBalancers, startBalancerAsWritten } from '../support/balancers.ts';
import { MACHINE, MAIN } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { connectRaw, type RawAnswer } from '../support/raw-http.ts';
import { type EmbeddedShop, openShop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** What clients do around a request. No backend has to do with it. */

const canRun = await haveBalancers();
const TOKEN = 'a-token-of-enough-characters';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Making the table touches nothing of the service. */
const ROUTES = createRoutes({} as Service).map(({ method, path: pattern }) => ({
  method,
  path: pattern.replace(/:\w+/g, '1'),
  pattern,
}));
const PATHS = [...new Set(ROUTES.map(({ path }) => path))];

let shop: EmbeddedShop;
let logged: EmbeddedShop;
beforeAll(async () => {
  [shop, logged] = await Promise.all([
    openShop({ PULSECART_OPERATOR_TOKEN: TOKEN }),
    openShop({ PULSECART_OPERATOR_TOKEN: TOKEN, PULSECART_LOG_REQUESTS: 'on' }),
  ]);
});
afterAll(() => Promise.all([shop[Symbol.asyncDispose](), logged[Symbol.asyncDispose]()]));

/** One request on a connection of its own, as bytes. */
async function ask(url: string, head: string, body = ''): Promise<RawAnswer> {
  using connection = await connectRaw(url);
  connection.send(`${head}\r\n\r\n${body}`);
  const answer = await connection.answer();
  if (!answer) throw new Error(`no answer to ${head}: ${connection.text()}`);
  return answer;
}

const PURCHASE = JSON.stringify({ productId: 5, quantity: 1 });
const JSON_FIELDS = `Content-Type: application/json\r\nContent-Length: ${PURCHASE.length}`;

function headOf(
  method: string,
  path: string,
  version: string,
  fields: string,
): { head: string; body: string } {
  const isRead = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  const lines = [`${method} ${path} ${version}`, 'Connection: close', fields, isRead ? '' : JSON_FIELDS];
  return { head: lines.filter(Boolean).join('\r\n'), body: isRead ? '' : PURCHASE };
}

describe('B1 a request needs no host that we understand', () => {
  const odd = [
    ['HTTP/1.0 without a Host', 'HTTP/1.0', ''],
    ['a Host that no URL can hold', 'HTTP/1.1', 'Host: xn--a.example'],
    ['a Host with a space', 'HTTP/1.1', 'Host: a b'],
    ['a Host with a port of no machine', 'HTTP/1.1', 'Host: x:99999'],
    ['an empty Host', 'HTTP/1.1', 'Host: '],
  ] as const;
  // A stream answers for as long as its reader stays; it has a test of its own below.
  const routes = ROUTES.filter(({ pattern }) => pattern !== '/api/v1/stock/stream');
  for (const [what, version, host] of odd) {
    for (const each of ['without', 'with'] as const) {
      test(`${what}, ${each} a log of requests: every route and every other path answers as ever`, async () => {
        const { url } = each === 'with' ? logged : shop;
        for (const { method, path } of [...routes, { method: 'GET', path: '/nowhere?x=1' }]) {
          const { head, body } = headOf(method, path, version, host);
          const usual = headOf(method, path, 'HTTP/1.1', 'Host: 127.0.0.1');
          const [given, expected] = [await ask(url, head, body), await ask(url, usual.head, usual.body)];
          expect([method, path, given.status]).toEqual([method, path, expected.status]);
          expect(given.status).not.toBe(500);
        }
      });
    }
  }

  test('a purchase is bought and answered', async () => {
    for (const { url } of [shop, logged]) {
      const { head, body } = headOf('POST', '/api/v1/sync/purchase', 'HTTP/1.0', '');
      const { status, body: said } = await ask(url, head, body);
      expect([status, JSON.parse(said).message]).toEqual([200, 'Purchase successful']);
    }
  });

  test('the query counts all the same', async () => {
    for (const { url } of [shop, logged]) {
      const one = await ask(url, 'GET /api/v1/products?limit=1 HTTP/1.0');
      expect(JSON.parse(one.body).products).toHaveLength(1);
      const none = await ask(url, 'GET /api/v1/products?limit=0 HTTP/1.0');
      expect([none.status, JSON.parse(none.body).field]).toEqual([400, 'limit']);
      const stream = await ask(url, 'GET /api/v1/stock/stream?products=x HTTP/1.0');
      expect([stream.status, JSON.parse(stream.body).field]).toEqual([400, 'products']);
    }
  });
});

test('B1 a log that nobody reads any more fails no request', async () => {
  using folder = temporaryFolder();
  const child = Bun.spawn(
    [process.execPath, '--no-env-file', '--no-orphans', MAIN, 'serve', '--port', '0', '--data', folder.path],
    { env: { ...MACHINE, PULSECART_LOG_REQUESTS: 'on' }, stdout: 'pipe', stderr: 'ignore' },
  );
  const reader = child.stdout.getReader();
  let output = '';
  while (!readyLine(output)) output += new TextDecoder().decode((await reader.read()).value);
  await reader.cancel();
  const { url } = readyLine(output)!;
  for (let i = 0; i < 3; i++) {
    const answer = await fetch(`${url}/api/v1/sync/purchase`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: PURCHASE,
    });
    expect(answer.status).toBe(200);
  }
  child.kill('SIGTERM');
  expect(await child.exited).toBe(0);
});

describe('B4 the token of operators', () => {
  for (const scheme of ['Bearer ', 'bearer ', 'BEARER ', 'Bearer  ']) {
    test(`is taken after ${JSON.stringify(scheme)}`, async () => {
      const headers = { Authorization: scheme + TOKEN };
      expect((await shop.get('/api/v1/ops/log', headers)).status).toBe(200);
    });
  }
  for (const wrong of [TOKEN, `Basic ${TOKEN}`, `Bearer${TOKEN}`, `Bearer ${TOKEN}x`, `Bearer ${TOKEN} x`]) {
    test(`is not ${JSON.stringify(wrong.replaceAll(TOKEN, 'token'))}`, async () => {
      expect((await shop.get('/api/v1/ops/log', { Authorization: wrong })).status).toBe(401);
    });
  }
});

describe('B9 one id for a request', () => {
  const asked: readonly (readonly [status: number, method: string, path: string, body?: unknown])[] = [
    [200, 'GET', '/api/v1/products'],
    [200, 'POST', '/api/v1/sync/purchase', { productId: 5, quantity: 1 }],
    [202, 'POST', '/api/v1/async/purchase', { productId: 5, quantity: 1 }],
    [409, 'POST', '/api/v1/sync/purchase', { productId: 3, quantity: 1000 }],
    [400, 'POST', '/api/v1/sync/purchase', { productId: 5 }],
    [401, 'GET', '/api/v1/ops/log'],
    [404, 'GET', '/nowhere'],
    [404, 'GET', '/actuator/metrics/nothing'],
    [405, 'DELETE', '/api/v1/products'],
    [204, 'OPTIONS', '/api/v1/products'],
  ];
  for (const [status, method, path, body] of asked) {
    test(`${method} ${path} (${status}) answers with the caller's, and the log has it`, async () => {
      for (const one of [shop, logged]) {
        const id = `caller-${crypto.randomUUID()}`;
        const answer = await one.call(method, path, { body, headers: { 'X-Request-Id': id } });
        expect([answer.status, answer.headers.get('x-request-id')]).toEqual([status, id]);
        if (status >= 400 && status !== 409) expect(answer.json.requestId).toBe(id);
        if (one === logged) expect(await linesOf(id)).toEqual([{ method, path, status }]);
      }
    });

    test(`${method} ${path} (${status}) gets a new one, the same everywhere, where the caller's is none`, async () => {
      for (const given of [{}, { 'X-Request-Id': 'two words' }]) {
        const answer = await logged.call(method, path, { body, headers: given });
        const id = answer.headers.get('x-request-id')!;
        expect(id).toMatch(UUID);
        if (status >= 400 && status !== 409) expect(answer.json.requestId).toBe(id);
        expect(await linesOf(id)).toEqual([{ method, path, status }]);
      }
    });
  }

  test('a purchase that nobody can decide says it, too, with 503', async () => {
    await using held = await openShop({ PULSECART_LOG_REQUESTS: 'on', PULSECART_PURCHASE_TIMEOUT_MS: '500' });
    await using _ = await held.holdWrites();
    const headers = { 'X-Request-Id': 'of-a-bad-day' };
    const {
      status,
      json,
      headers: answered,
    } = await held.buy('sync', { productId: 5, quantity: 1 }, headers);
    expect([status, json.requestId, answered.get('x-request-id')]).toEqual([
      503,
      'of-a-bad-day',
      'of-a-bad-day',
    ]);
  });

  /** The log comes through a pipe, beside the answer. */
  async function linesOf(id: string): Promise<object[]> {
    const lines = () =>
      logged.server
        .log()
        .split('\n')
        .filter((line) => line.includes(`"${id}"`));
    await until(() => lines().length > 0);
    return lines().map((line) => {
      const { method, path, status } = JSON.parse(line);
      return { method, path, status };
    });
  }
});

describe('B10 a conditional request', () => {
  const kept = ['/api/v1/sync/stock/2', '/api/v1/products/2', '/docs', '/openapi.json'];
  for (const path of kept) {
    test(`${path} is 304 for its tag, weak or strong, among others, or for any`, async () => {
      const etag = (await shop.get(path)).headers.get('etag')!;
      const strong = etag.replace(/^W\//, '');
      for (const known of [strong, `W/${strong}`, `"other", W/${strong}`, `"a,b" ,${strong}`, '*', ' * ']) {
        const { status, text, headers } = await shop.get(path, { 'If-None-Match': known });
        expect([known, status, text, headers.get('etag')]).toEqual([known, 304, '', etag]);
      }
      for (const other of ['"other"', strong.slice(1, -1), strong.slice(1), '', 'W/', '"*"']) {
        expect([other, (await shop.get(path, { 'If-None-Match': other })).status]).toEqual([other, 200]);
      }
    });
  }

  test.skipIf(!canRun)(
    'is 304 behind an nginx that compresses, and so makes the tag a weak one',
    async () => {
      const gzip =
        'gzip on; gzip_types application/json; gzip_min_length 1; gzip_proxied any; proxy_http_version 1.1;';
      const settings = `server { listen 80; ${gzip} location / { proxy_pass http://10.0.0.11:8080; } }`;
      await using nginx = await startBalancerAsWritten('nginx', [shop.url, shop.url], settings);
      const url = `${nginx.url}/api/v1/products/2`;
      const first = await fetch(url, { headers: { 'Accept-Encoding': 'gzip' } });
      const etag = first.headers.get('etag')!;
      expect(etag).toStartWith('W/"');
      const headers = { 'Accept-Encoding': 'gzip', 'If-None-Match': etag };
      expect((await fetch(url, { headers })).status).toBe(304);
    },
  );

  test('a change wants one of the tags that it names, and a weak one is none', async () => {
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const change = (known: string) =>
      shop.call('PATCH', '/api/v1/products/4', {
        body: { holdSeconds: 300, reason: 'shorter holds' },
        headers: { ...headers, 'If-Match': known },
      });
    const version = async () => (await shop.get('/api/v1/products/4')).json.version as number;
    const tag = async () => `"${await version()}.open"`;
    for (const known of [`W/${await tag()}`, '"other"', '"999"', `"998", W/${await tag()}`]) {
      const { status, json } = await change(known);
      expect([known, status, json.code]).toEqual([known, 412, 'version_mismatch']);
    }
    expect((await change(await tag())).status).toBe(200);
    expect((await change(`"${await version()}"`)).status).toBe(200);
    expect((await change(`"other", "${await version()}"`)).status).toBe(200);
    expect((await change('*')).status).toBe(200);
    for (const known of ['12', 'x', '"1', '"1" "2"']) {
      const { status, json } = await change(known);
      expect([known, status, json.field]).toEqual([known, 400, 'If-Match']);
    }
  });
});

describe('B24 manners', () => {
  test('every path answers OPTIONS with what it allows, and HEAD like GET without its body', async () => {
    for (const path of PATHS) {
      const methods = ROUTES.filter((one) => one.path === path).map(({ method }) => method);
      const allowed = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
      const options = await shop.call('OPTIONS', path);
      expect([path, options.status, options.headers.get('allow')]).toEqual([
        path,
        204,
        [...allowed, 'OPTIONS'].join(', '),
      ]);
      if (path === '/api/v1/stock/stream') continue;
      const head = await shop.call('HEAD', path);
      const status = methods.includes('GET') ? (await shop.get(path)).status : 405;
      expect([path, head.status, head.text]).toEqual([path, status, '']);
    }
    expect((await shop.call('OPTIONS', '/nowhere')).status).toBe(404);
  });

  test('/ shows a browser a page, and a program links, all of which lead somewhere', async () => {
    const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
    const page = await shop.get('/', { Accept: browser });
    expect(page.headers.get('content-type')).toBe('text/html;charset=utf-8');
    const hrefs = [...page.text.matchAll(/ (?:href|src)="(\/[^"]*)"/g)].map(([, path]) => path!);
    expect(hrefs).toEqual(expect.arrayContaining(['/docs', '/ops', '/orders', '/p/1']));
    for (const path of hrefs) expect([path, (await shop.get(path)).status]).toEqual([path, 200]);
    for (const accept of ['*/*', 'application/json', 'application/json, text/html;q=0.5', 'text/html;q=0']) {
      const { headers, json } = await shop.get('/', { Accept: accept });
      expect([accept, headers.get('content-type'), headers.get('vary')]).toEqual([
        accept,
        'application/json',
        'Accept, Accept-Encoding',
      ]);
      for (const path of Object.values(json.links as Record<string, string>)) {
        expect((await shop.get(path)).status).toBe(200);
      }
    }
  });

  const codings: readonly (readonly [status: number, headers: Record<string, string>])[] = [
    [200, { 'Content-Encoding': 'identity' }],
    [415, { 'Content-Encoding': 'gzip' }],
    [415, { 'Content-Encoding': 'identity, br' }],
    [200, { 'Content-Type': 'application/json; charset=utf-8' }],
    [200, { 'Content-Type': 'Application/JSON;charset="UTF-8"' }],
    [200, { 'Content-Type': 'application/json; profile=x' }],
    [415, { 'Content-Type': 'application/json; charset=iso-8859-1' }],
    [415, { 'Content-Type': 'application/json; charset=utf-16' }],
    [415, { 'Content-Type': 'text/plain; charset=utf-8' }],
  ];
  for (const [expected, headers] of codings) {
    test(`a body with ${JSON.stringify(headers)} is answered ${expected}`, async () => {
      const { status, json } = await shop.buy('sync', PURCHASE, headers);
      expect(status).toBe(expected);
      if (expected === 415) expect(json.code).toBe('unsupported_media_type');
    });
  }
});
