import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createRoutes } from '../../src/http/routes.ts';
import type { Service } from '../../src/http/service.ts';
import { openTestBrowser, type TestBrowser } from '../support/pages.ts';
import { askRaw, connectRaw } from '../support/raw-http.ts';
import { type EmbeddedShop, openShop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/**
 * Bytes that somebody sends who means harm: two readings of one request, paths that lead elsewhere, text that becomes markup. What
 * clients send by mistake is in bad-input.test.ts and odd-clients.contract.ts. SECURITY.md names the tests of this file.
 */

const TOKEN = 'a-token-of-enough-characters';
const PRODUCT = 3;
const BODY = JSON.stringify({ productId: PRODUCT, quantity: 1 });
const SIZED = `Content-Length: ${BODY.length}`;
const CHUNKED = 'Transfer-Encoding: chunked';
/** What an attacker hides behind a request, for a server that sees where the first one ends otherwise than its balancer. */
const HIDDEN = purchase(SIZED, BODY);
/** Sent behind an attack on the same connection: heard only by a server that has read exactly what came before. */
const NEXT = 'GET /actuator/health/liveness HTTP/1.1\r\nHost: x\r\nX-Request-Id: the-next-one\r\n\r\n';

const browser = await openTestBrowser();
let shop: EmbeddedShop;
beforeAll(async () => {
  shop = await openShop({ PULSECART_OPERATOR_TOKEN: TOKEN });
});
afterAll(async () => {
  await Promise.all([shop[Symbol.asyncDispose](), browser?.[Symbol.asyncDispose]()]);
});

function purchase(headers: string, body: string): string {
  return `POST /api/v1/sync/purchase HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;
}

function chunks(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

async function unitsFree(): Promise<number> {
  return (await shop.get(`/api/v1/sync/stock/${PRODUCT}`)).json.stock;
}

/** Everything that a connection answers to these bytes and the next request, once it has heard that or is closed. */
async function said(bytes: string): Promise<{ statuses: number[]; isClosed: boolean }> {
  using connection = await connectRaw(shop.url);
  connection.send(bytes);
  await connection.answer();
  connection.send(NEXT);
  const isHeard = await connection.heard('the-next-one');
  const statuses = Array.from(connection.text().matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) =>
    Number(status),
  );
  return { statuses, isClosed: !isHeard };
}

describe('a request with two readings', () => {
  /** Each is refused before any of it is acted upon, and its connection ends: nothing behind it is read. */
  const refused: readonly (readonly [what: string, bytes: string])[] = [
    [
      'a length, and chunks that end before it',
      purchase(`Content-Length: 6\r\n${CHUNKED}`, `0\r\n\r\n${HIDDEN}`),
    ],
    ['chunks, and a length within them', purchase(`${CHUNKED}\r\nContent-Length: 4`, chunks(HIDDEN))],
    ['two lengths', purchase(`${SIZED}\r\nContent-Length: ${BODY.length + HIDDEN.length}`, BODY + HIDDEN)],
    ['a list of lengths', purchase(`${SIZED}, ${BODY.length}`, BODY)],
    ['a length with a sign', purchase(`Content-Length: +${BODY.length}`, BODY)],
    ['a length in hexadecimal', purchase(`Content-Length: 0x${BODY.length.toString(16)}`, BODY)],
    ['a length with an exponent', purchase(`Content-Length: ${BODY.length}e0`, BODY)],
    ['a length with a space in it', purchase('Content-Length: 2 8', BODY)],
    ['an empty length', purchase('Content-Length: ', BODY)],
    ['a length beyond 64 bits', purchase(`Content-Length: ${2n ** 64n + 28n}`, BODY)],
    ['a space before the colon of a length', purchase(`Content-Length : ${BODY.length}`, BODY)],
    ['a space before the colon of a coding', purchase('Transfer-Encoding : chunked', chunks(BODY))],
    ['a coding that only ends like chunks', purchase('Transfer-Encoding: xchunked', chunks(BODY))],
    ['a coding behind chunks', purchase('Transfer-Encoding: chunked, identity', chunks(BODY))],
    ['a coding before chunks', purchase('Transfer-Encoding: gzip, chunked', chunks(BODY))],
    ['chunks twice', purchase(`${CHUNKED}\r\n${CHUNKED}`, chunks(BODY))],
    ['chunks and another coding', purchase(`${CHUNKED}\r\nTransfer-Encoding: identity`, chunks(BODY))],
    ['no coding and a length', purchase(`Transfer-Encoding: identity\r\n${SIZED}`, BODY)],
    ['quoted chunks', purchase('Transfer-Encoding: "chunked"', chunks(BODY))],
    ['a vertical tab before chunks', purchase('Transfer-Encoding: \x0bchunked', chunks(BODY))],
    ['a coding on a line of its own', purchase('Transfer-Encoding:\r\n chunked', chunks(BODY))],
    ['a line that goes on in the next', purchase(`X-A: b\r\n c\r\n${SIZED}`, BODY)],
    ['a first line that goes on', HIDDEN.replace('\r\nHost', '\r\n Host')],
    ['a coding behind a bare line feed', purchase(`X-A: b\n${CHUNKED}`, chunks(BODY))],
    ['lines that end with bare line feeds', HIDDEN.replaceAll('\r\n', '\n')],
    ['a bare line feed in a header', HIDDEN.replace('Host: x\r\n', 'Host: x\n')],
    ['a bare carriage return in a header', purchase(`X-A: b\rX-B: c\r\n${SIZED}`, BODY)],
    ['a NUL in a value', purchase(`X-A: b\0c\r\n${SIZED}`, BODY)],
    ['a NUL in a name', purchase(`X-\0A: b\r\n${SIZED}`, BODY)],
    ['a NUL before a coding', purchase(`\0${CHUNKED}\r\n${SIZED}`, BODY)],
    ['a space in a name', purchase(`X A: b\r\n${SIZED}`, BODY)],
    ['no name', purchase(`: b\r\n${SIZED}`, BODY)],
    ['a line feed behind a chunk size', purchase(CHUNKED, `1c;a\n${BODY}\r\n0\r\n\r\n`)],
    ['chunks with bare line feeds', purchase(CHUNKED, chunks(BODY).replaceAll('\r\n', '\n'))],
    ['a chunk size with a prefix', purchase(CHUNKED, `0x${chunks(BODY)}`)],
    ['a chunk size with a sign', purchase(CHUNKED, `+${chunks(BODY)}`)],
    ['a chunk size with a space', purchase(CHUNKED, chunks(BODY).replace('\r\n', ' \r\n'))],
    ['a chunk size beyond 64 bits', purchase(CHUNKED, `1000000000000000${chunks(BODY)}`)],
    ['bytes behind a chunk', purchase(CHUNKED, chunks(BODY).replace('}\r\n', '}xx\r\n'))],
    ['chunks in HTTP/1.0', purchase(CHUNKED, chunks(BODY)).replace('HTTP/1.1', 'HTTP/1.0')],
    ['HTTP/2 where none is spoken', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a target that names a host alone', 'GET example.com:80 HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a space in its path', 'GET /api/v1/sync/stock/3 HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a NUL in its path', 'GET /api/v1/sync/stock/3\0 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ];
  test.each(refused)('(%s) is refused, buys nothing, and ends its connection', async (_, bytes) => {
    const before = await unitsFree();
    const { statuses, isClosed } = await said(bytes);
    expect([statuses.length, isClosed]).toEqual([1, true]);
    expect([400, 505]).toContain(statuses[0]!);
    expect(await unitsFree()).toBe(before);
  });

  /** Each has one reading by RFC 9112, and the server has that. */
  const read: readonly (readonly [what: string, bytes: string, status: number, bought: number])[] = [
    ['the same length twice', purchase(`${SIZED}\r\n${SIZED}`, BODY), 200, 1],
    ['zeros before a length', purchase(`Content-Length: 00${BODY.length}`, BODY), 200, 1],
    ['chunks in capitals', purchase('Transfer-Encoding: CHUNKED', chunks(BODY)), 200, 1],
    ['an extension of a chunk', purchase(CHUNKED, chunks(BODY).replace('\r\n', ';a=b\r\n')), 200, 1],
    ['a read with a body', purchaseIn(`GET /api/v1/sync/stock/${PRODUCT}`, HIDDEN), 200, 0],
    ['a body for a path that is not there', purchaseIn('POST /nowhere', HIDDEN), 404, 0],
    ['a body for a method that is not there', purchaseIn('DELETE /api/v1/products', HIDDEN), 405, 0],
    [
      'an offer of HTTP/2',
      `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
      200,
      0,
    ],
    ['a trace', 'TRACE / HTTP/1.1\r\nHost: x\r\n\r\n', 405, 0],
  ];
  test.each(read)('(%s) is read to its end and no further', async (_, bytes, status, bought) => {
    const before = await unitsFree();
    expect(await said(bytes)).toEqual({ statuses: [status, 200], isClosed: false });
    expect(before - (await unitsFree())).toBe(bought);
  });

  function purchaseIn(line: string, body: string): string {
    return `${line} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  }
});

describe('a path that means to lead elsewhere', () => {
  const OPERATORS = '/api/v1/ops/dead-letters';
  const paths = [
    ...[
      '//api/v1/ops/dead-letters',
      '/api/v1/ops//dead-letters',
      `${OPERATORS}/`,
      `${OPERATORS};a=b`,
      `${OPERATORS}%00`,
    ],
    ...['/x/../api/v1/ops/dead-letters', '/./api/v1/ops/dead-letters', '/api/v1/%6fps/dead-letters'],
    ...[
      '/api/v1/ops\\dead-letters',
      '/API/V1/OPS/DEAD-LETTERS',
      `http://127.0.0.1${OPERATORS}`,
      '/%61pi/v1/ops/dead-letters',
    ],
  ];
  test.each(paths)('%s shows nothing for operators without a token', async (path) => {
    const answer = await askRaw(shop.url, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect([401, 404, 405]).toContain(answer!.status);
    expect(answer!.body).not.toContain('"groups"');
  });

  const files = [
    ...[
      '/assets/../package.json',
      '/assets/%2e%2e/package.json',
      '/assets/%2e%2e%2fpackage.json',
      '/assets/..%2f..%2fetc%2fpasswd',
    ],
    ...[
      '/assets/%252e%252e%252fpackage.json',
      '/assets/%c0%ae%c0%ae%c0%afpackage.json',
      '/assets/..\\..\\package.json',
    ],
    ...[
      '/assets/....//package.json',
      '/assets/style.css%00.js',
      '/assets//etc/passwd',
      '/assets/constructor',
      '/assets/__proto__.js',
    ],
    ...[
      '/package.json',
      '/.env',
      '/data/operator-token',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/p/..%2f..%2fetc%2fpasswd',
      '/o/%00',
      '/t/%ff',
    ],
  ];
  test.each(files)('%s reaches no file', async (path) => {
    const answer = await askRaw(shop.url, `GET ${path} HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n`);
    expect(answer!.status).toBe(404);
    expect(JSON.parse(answer!.body).code).toBe('not_found');
  });

  test('a refusal that repeats a path cannot be taken for a page', async () => {
    const answer = await askRaw(
      shop.url,
      'GET /<script>alert(1)</script> HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n',
    );
    expect([answer!.status, answer!.header('content-type')]).toEqual([404, 'application/json']);
    expect(answer!.header('x-content-type-options')).toBe('nosniff');
  });
});

describe('what comes back of a request', () => {
  const ids = ['a\tb', 'a b', '<script>', 'x'.repeat(129), 'é', ''];
  test.each(ids)('an X-Request-Id %j starts no header of its own', async (id) => {
    const bytes = `GET /nowhere HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\n\r\n`;
    const answer = await askRaw(shop.url, bytes);
    expect(answer!.header('x-request-id')).toMatch(id === '<script>' ? /^<script>$/ : /^[0-9a-f-]{36}$/);
  });

  test('a Location of ours has an id of ours in it, whatever the request had', async () => {
    const headers = { 'X-Request-Id': 'x', 'X-Forwarded-Host': 'evil.example', Host: 'evil.example' };
    const { headers: answered } = await shop.buy('async', { productId: 4, quantity: 1 }, headers);
    expect(answered.get('location')).toMatch(/^\/api\/v1\/async\/purchase\/[0-9a-f-]{36}$/);
  });

  test('two hosts are not this machine, whichever comes first, and no door to what it may do', async () => {
    await using own = await openShop();
    const ask = (hosts: string) =>
      askRaw(own.url, `PUT /api/v1/sync/stock/3/reset?stock=1 HTTP/1.1\r\n${hosts}\r\n\r\n`);
    expect((await ask('Host: 127.0.0.1'))!.status).toBe(200);
    expect((await ask('Host: 127.0.0.1\r\nHost: evil.example'))!.status).toBe(401);
    expect((await ask('Host: evil.example\r\nHost: 127.0.0.1'))!.status).toBe(401);
  });

  test('no body changes what objects have', async () => {
    for (const [method, path] of [
      ['POST', '/api/v1/sync/purchase'],
      ['POST', '/api/v1/async/purchase'],
      ['POST', '/api/v1/products'],
      ['PATCH', '/api/v1/products/1'],
      ['POST', '/api/v1/ops/dead-letters/replay'],
    ] as const) {
      for (const name of ['__proto__', 'constructor', 'prototype']) {
        const body = `{"productId":1,"quantity":1,"${name}":{"isAdmin":true,"status":200}}`;
        const { status, text } = await shop.call(method, path, {
          body,
          headers: { Authorization: `Bearer ${TOKEN}` },
        });
        const isIgnored = name === 'prototype' && path.endsWith('/purchase');
        expect([path, name, status < 400]).toEqual([path, name, isIgnored]);
        expect(text).not.toContain('isAdmin');
      }
    }
    expect((await shop.get('/api/v1/ops/log')).status).toBe(401);
  });
});

test('every answer says that its type is not to be guessed', async () => {
  // Making the table touches nothing of the service. A stream answers for as long as its reader stays, so it is asked for nothing.
  const routes = createRoutes({} as Service).map(
    ({ method, path }) => [method, path.replace(/:\w+/g, '1')] as const,
  );
  const asked = [...routes, ['GET', '/nowhere'], ['DELETE', '/'], ['GET', '/api/v1/orders.csv']] as const;
  for (const [method, path] of asked) {
    const url = path === '/api/v1/stock/stream' ? `${path}?products=x` : path;
    for (const headers of [{}, { Authorization: `Bearer ${TOKEN}` }]) {
      const body = method === 'GET' ? {} : { body: '{}' };
      const { status, headers: answered } = await shop.call(method, url, { ...body, headers });
      expect([method, path, status, answered.get('x-content-type-options')]).toEqual([
        method,
        path,
        status,
        'nosniff',
      ]);
    }
  }
  using stream = await connectRaw(shop.url);
  stream.send('GET /api/v1/stock/stream?products=1 HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(await stream.heard('X-Content-Type-Options: nosniff\r\n')).toBe(true);
});

describe('the pages', () => {
  const pages = ['/', '/p/1', '/o/none', '/t/none', '/orders', '/ops', '/docs'];
  test.each(pages)('%s runs no script but its own, and stands in no frame', async (path) => {
    const { headers } = await shop.get(path, { Accept: 'text/html' });
    expect(headers.get('content-type')).toBe('text/html;charset=utf-8');
    const policy = headers.get('content-security-policy')!;
    const rules = new Map(policy.split('; ').map((rule) => [rule.split(' ')[0]!, rule.split(' ').slice(1)]));
    expect(rules.get('default-src')).toEqual(["'none'"]);
    expect(rules.get('base-uri')).toEqual(["'none'"]);
    expect(rules.get('frame-ancestors')).toEqual(["'none'"]);
    for (const source of rules.get('script-src')!) expect(source).toMatch(/^('self'|'sha256-[\w+/=]+')$/);
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });
});

describe.skipIf(browser === null)('in a browser, what somebody has written', () => {
  const { person } = browser as TestBrowser;
  const asOperator = { Authorization: `Bearer ${TOKEN}` };
  const script = (by: string) => `globalThis.runBy = '${by}'`;
  const name = `</script><script>${script('name')}</script><img src=x onerror="${script('image')}"> $' {{7*7}}`;
  const userId = `"><svg onload="${script('buyer')}">`;

  test('into a product, a name or a reason is text there, on the pages of buyers and of operators', async () => {
    const terms = {
      priceMinor: 100,
      currency: 'EUR',
      units: 5,
      reason: `<b onclick=1>${script('reason')}</b>`,
    };
    const made = await shop.call('POST', '/api/v1/products', {
      body: { name, description: `<iframe srcdoc="<script>${script('frame')}</script>">`, ...terms },
      headers: { ...asOperator, 'X-Operator': '<script>x</script>' },
    });
    expect(made.status).toBe(201);
    const { productId } = made.json;
    const { orderId } = (await shop.buy('sync', { productId, quantity: 1, userId })).json;
    await using eve = await person();
    const { page } = eve;
    for (const path of ['/', `/p/${productId}`, `/o/${orderId}`]) {
      // A page that others have asked for just before is up to a quarter of a second old.
      await until(async () => {
        await page.goto(shop.url + path);
        return page.getByText(name).first().isVisible();
      });
      expect(await page.evaluate('globalThis.runBy')).toBeUndefined();
    }
    await page.goto(`${shop.url}/ops#token=${TOKEN}`);
    for (const [section, text] of [
      ['products', name],
      ['orders', userId],
      ['log', terms.reason],
    ] as const) {
      await page.goto(`${shop.url}/ops#${section}`);
      await page.getByText(text).first().waitFor();
    }
    expect(await page.evaluate('globalThis.runBy')).toBeUndefined();
    expect(eve.complaints).toEqual([]);
  });
});
