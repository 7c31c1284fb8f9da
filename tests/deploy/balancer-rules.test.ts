import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BALANCERS, type Balancer, startBalancer } from '../../bench/services/balancers.ts';
import { createRoutes } from '../../src/http/routes.ts';
import type { Service } from '../../src/http/service.ts';
import { haveBalancers } from '../support/balancers.ts';
import { runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { askRaw, rawRequest } from '../support/raw-http.ts';
import { until } from '../support/until.ts';

/** What deploy/nginx and deploy/haproxy do with requests, seen from both sides: by clients, and by the instances behind. */

const canRun = await haveBalancers();
const BODY_BYTES_MAX = 16 * 1024;
const PURCHASE = '/api/v1/sync/purchase';
const KEYED = { 'Idempotency-Key': 'a-key-of-enough-characters' };
/** Making the table touches nothing of the service. */
const ROUTES = createRoutes({} as Service).map(({ method, path, access }) => ({
  method,
  path: path.replace(/:\w+/g, '1'),
  isOperators: (access && !access.orOthers) || path.startsWith('/actuator'),
}));

/** Something that listens where an instance would, and what it has been asked, health checks aside. */
interface Instance extends Disposable {
  readonly url: string;
  readonly asked: { readonly method: string; readonly path: string; readonly headers: Headers }[];
}

for (const name of BALANCERS) {
  describe.skipIf(!canRun)(`behind ${name}`, () => {
    const opened = new AsyncDisposableStack();
    let instances: [Instance, Instance, Instance];
    let balancer: Balancer;
    /** Nobody here is an operator, few requests are let through, and it has a certificate. */
    let strict: Balancer;
    beforeAll(async () => {
      instances = [opened.use(answering()), opened.use(answering()), opened.use(answering())];
      balancer = opened.use(await startBalancer(name, urlsOf(instances)));
      strict = opened.use(
        await startBalancer(name, urlsOf(instances), {
          variables: {
            BALANCER_OPERATOR_NETWORKS: '192.0.2.0/24 2001:db8::/32',
            BALANCER_ADDRESS_RATE: '15',
          },
          certificate: await makeCertificate(),
        }),
      );
      await until(async () => (await fetch(`${balancer.url}/ready`)).ok);
      await until(async () => (await secure('GET', '/ready')).status === 200);
    });
    afterAll(() => opened.disposeAsync());

    const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
      fetch(balancer.url + path, { method, headers });
    const secure = (method: string, path: string, headers: Record<string, string> = {}) =>
      fetch(strict.tlsUrl + path, { method, headers, tls: { rejectUnauthorized: false } });
    /** The headers of the one request with this path that an instance has got. */
    function got(path: string): Headers {
      const all = instances.flatMap(({ asked }) => asked).filter((one) => one.path === path);
      expect(all).toHaveLength(1);
      return all[0]!.headers;
    }

    test('B3 an instance hears who asks from the balancer, whatever the client says', async () => {
      await ask('GET', '/who', {
        'X-Forwarded-For': '203.0.113.9',
        'X-Forwarded-Proto': 'https',
        'X-Forwarded-Host': 'evil.example',
        'X-Forwarded-Prefix': '/evil',
        'X-Real-IP': '203.0.113.9',
        Forwarded: 'for=203.0.113.9',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        tracestate: 'evil=1',
      });
      const headers = got('/who');
      expect(headers.get('x-forwarded-for')).toBe('127.0.0.1');
      expect(headers.get('x-forwarded-proto')).toBe('http');
      expect(headers.get('forwarded')).toBe('for=127.0.0.1;proto=http');
      expect(headers.get('host')).toBe(new URL(balancer.url).host);
      for (const other of [
        'x-forwarded-host',
        'x-forwarded-prefix',
        'x-real-ip',
        'traceparent',
        'tracestate',
      ])
        expect([other, headers.get(other)]).toEqual([other, null]);
    });

    test('a method that no instance knows is refused, and takes no instance out', async () => {
      for (const path of ['/odd', '/api/v1/stock/stream']) {
        for (let i = 0; i < 7; i++) {
          // fetch knows no such method, either.
          const answer = await askRaw(balancer.url, rawRequest(`FOO ${path}`, { Connection: 'close' }));
          expect(answer?.status).toBe(405);
          expect(JSON.parse(answer!.body)).toMatchObject({ code: 'method_not_allowed' });
        }
      }
      expect(instances.flatMap(({ asked }) => asked).filter(({ path }) => path === '/odd')).toEqual([]);
      expect((await ask('GET', '/afterwards')).status).toBe(200);
    });

    test('a request keeps its id, and gets one where it has none', async () => {
      await ask('GET', '/named', { 'X-Request-Id': 'mine-1.2/[3]' });
      expect(got('/named').get('x-request-id')).toBe('mine-1.2/[3]');
      const { headers } = await ask('GET', '/unnamed');
      expect(got('/unnamed').get('x-request-id')).toMatch(/^[0-9a-f-]{32,36}$/);
      expect(headers.get('x-request-id')).toBe(got('/unnamed').get('x-request-id'));
      // It could not be told in JSON as it is.
      await ask('GET', '/misnamed', { 'X-Request-Id': 'a"}' });
      expect(got('/misnamed').get('x-request-id')).toMatch(/^[0-9a-f-]{32,36}$/);
    });

    test('a body may be as large as the instances take it, whether its head says so or not', async () => {
      const chunked = (bytes: number) => new Blob(['x'.repeat(bytes)]).stream();
      const send = (body: string | ReadableStream) =>
        fetch(balancer.url + PURCHASE, { method: 'POST', body, headers: { 'X-Request-Id': 'big' } });
      for (const body of ['x'.repeat(BODY_BYTES_MAX), chunked(BODY_BYTES_MAX - 1000)])
        expect((await send(body)).status).toBe(200);
      for (const body of ['x'.repeat(BODY_BYTES_MAX + 1), chunked(BODY_BYTES_MAX + 1), chunked(200_000)])
        await expectProblem(await send(body), 413, 'payload_too_large', { field: 'body', requestId: 'big' });
    });

    test('B3 operators’ routes are there from their networks alone, and all others for everybody', async () => {
      expect(ROUTES.filter(({ isOperators }) => isOperators).length).toBeGreaterThan(15);
      const claim = { 'X-Forwarded-For': '192.0.2.1', 'X-Request-Id': 'outside' };
      for (const { method, path, isOperators } of ROUTES) {
        expect([method, path, (await ask(method, path)).status]).toEqual([method, path, 200]);
        const outside = await secure(method, path, claim);
        if (isOperators) await expectProblem(outside, 403, 'forbidden', { requestId: 'outside' });
        else expect([method, path, outside.status]).toEqual([method, path, 200]);
      }
    });

    test('a preflight of a page elsewhere reaches an instance', async () => {
      for (const [send, from] of [
        [ask, 'https://shop.example'],
        [secure, 'https://other.example'],
      ] as const) {
        for (const path of ['/api/v1/sync/purchase', '/api/v1/async/purchase', '/api/v1/products']) {
          const headers = { Origin: from, 'Access-Control-Request-Method': 'POST' };
          expect([path, (await send('OPTIONS', path, headers)).status]).toEqual([path, 200]);
          const seen = instances
            .flatMap(({ asked }) => asked)
            .filter((one) => one.path === path && one.headers.get('origin') === from);
          expect(seen.map((one) => [one.method, one.headers.get('access-control-request-method')])).toEqual([
            ['OPTIONS', 'POST'],
          ]);
        }
      }
    });

    test('TLS speaks HTTP/2, and plain HTTP leads there', async () => {
      const curl = ['curl', '-sk', '-o', '/dev/null', '-D', '-', '-w', '%{http_version}', '--http2'];
      const { stdout } = await runToEnd([...curl, `${strict.tlsUrl}/secure`]);
      expect(stdout).toMatch(/^HTTP\/2 200/);
      expect(stdout).toEndWith('\n2');
      expect(stdout).toMatch(/^strict-transport-security: max-age=31536000\r$/m);
      expect(got('/secure').get('x-forwarded-proto')).toBe('https');
      expect(got('/secure').get('forwarded')).toBe('for=127.0.0.1;proto=https');
      const plain = await fetch(`${strict.url}/there?a=b`, { method: 'POST', redirect: 'manual' });
      expect([plain.status, plain.headers.get('location')]).toEqual([
        308,
        `https://${name === 'nginx' ? '127.0.0.1' : new URL(strict.url).host}/there?a=b`,
      ]);
      const old = ['openssl', 's_client', '-connect', new URL(strict.tlsUrl).host, '-tls1_1'];
      expect((await runToEnd([...old, '-cipher', 'ALL:@SECLEVEL=0'])).exit).not.toBe(0);
    });

    test('an address that asks too often is told when to come back, and another setting lifts that', async () => {
      const many = Array.from({ length: 300 }, (_, i) => i);
      const answers = await Promise.all(many.map(() => secure('GET', '/often', { 'X-Request-Id': 'often' })));
      const refused = answers.filter(({ status }) => status !== 200);
      expect(refused.length).toBeGreaterThanOrEqual(100);
      for (const one of refused) {
        expect(one.headers.get('retry-after')).toMatch(/^[1-9]$/);
        await expectProblem(one, 429, 'too_many_requests', { requestId: 'often' });
      }
      await using lifted = await startBalancer(name, urlsOf(instances), {
        variables: { BALANCER_ADDRESS_RATE: '1000000' },
      });
      await until(async () => (await fetch(`${lifted.url}/ready`)).ok);
      for (let rest = 1_500; rest > 0; rest -= many.length) {
        const statuses = await Promise.all(many.map(async () => (await fetch(`${lifted.url}/often`)).status));
        expect(new Set(statuses)).toEqual(new Set([200]));
      }
    });

    for (const ends of ['ends', 'resets'] as const) {
      test(`what an instance that ${ends} has got is repeated where it has a key or changes nothing`, async () => {
        const ways = [
          ['POST', KEYED],
          ['PUT', KEYED],
          ['GET', {}],
        ] as const;
        for (const [method, headers] of ways) {
          using first = ending(ends);
          using second = ending(ends);
          using third = answering();
          // A new one: an instance that has failed some requests is not asked any more.
          await using before = await startBalancer(name, urlsOf([first, second, third]));
          const { status } = await fetch(before.url + PURCHASE, { method, headers });
          const asked = [first, second, third].map((one) => one.asked.length);
          expect([method, status, asked]).toEqual([method, 200, [1, 1, 1]]);
        }
      });

      test(`what an instance that ${ends} has got is not repeated without a key`, async () => {
        for (const method of ['POST', 'PUT', 'PATCH']) {
          const three = [ending(ends), ending(ends), ending(ends)] as const;
          await using before = await startBalancer(name, urlsOf(three));
          const headers = { 'X-Request-Id': 'lost', Connection: 'close' };
          const lost = await fetch(before.url + PURCHASE, { method, headers });
          await expectProblem(lost, 502, 'outcome_unknown', { requestId: 'lost' });
          expect([method, three.reduce((sum, { asked }) => sum + asked.length, 0)]).toEqual([method, 1]);
          for (const one of three) one[Symbol.dispose]();
        }
      });
    }

    test('without any instance a purchase hears that nothing was done', async () => {
      const three = [answering(), answering(), answering()] as const;
      for (const one of three) one[Symbol.dispose]();
      await using before = await startBalancer(name, urlsOf(three));
      for (const headers of [{}, KEYED]) {
        const answer = await fetch(before.url + PURCHASE, {
          method: 'POST',
          headers: { ...headers, 'X-Request-Id': 'none' },
        });
        expect(answer.headers.get('retry-after')).toMatch(/^[1-9]$/);
        await expectProblem(answer, 503, 'unavailable', { requestId: 'none' });
      }
    });
  });
}

describe.skipIf(!canRun)('HAProxy', () => {
  test('asks for readiness, at another port where it is told so', async () => {
    using instance = answering();
    const { url } = instance;
    let status = 503;
    const health = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: (req) => new Response(null, { status: new URL(req.url).pathname === READINESS ? status : 404 }),
    });
    const variables = { BALANCER_CHECK_PORT: `${health.port}` };
    await using haproxy = await startBalancer('haproxy', [url, url, url], { variables });
    for (const expected of [503, 200, 503]) {
      status = expected;
      await until(async () => (await fetch(`${haproxy.url}/ready`)).status === expected);
    }
    await health.stop(true);
  });

  test('has a page of statistics and metrics, for operators’ networks', async () => {
    using instance = answering();
    const { url } = instance;
    await using open = await startBalancer('haproxy', [url, url, url]);
    expect(await (await fetch(`${open.statisticsUrl}/`)).text()).toContain('Statistics Report');
    expect(await (await fetch(`${open.statisticsUrl}/metrics`)).text()).toContain(
      'haproxy_server_status{proxy="sync",server="app3"',
    );
    const variables = { BALANCER_OPERATOR_NETWORKS: '192.0.2.0/24' };
    await using closed = await startBalancer('haproxy', [url, url, url], { variables });
    for (const path of ['/', '/metrics']) expect((await fetch(closed.statisticsUrl + path)).status).toBe(403);
    expect((await fetch(`${closed.statisticsUrl}/health`)).status).toBe(200);
  });
});

function urlsOf([a, b, c]: readonly [Instance, Instance, Instance]): [string, string, string] {
  return [a.url, b.url, c.url];
}

function answering(): Instance {
  const asked: Instance['asked'] = [];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(req) {
      await req.arrayBuffer();
      const { pathname: path } = new URL(req.url);
      if (path !== READINESS) asked.push({ method: req.method, path, headers: req.headers });
      const id = req.headers.get('x-request-id') ?? 'none';
      return new Response('{}', { headers: { 'Content-Type': 'application/json', 'X-Request-Id': id } });
    },
  });
  return { url: server.url.origin, asked, [Symbol.dispose]: () => server.stop(true) };
}

const READINESS = '/actuator/health/readiness';

/** Ready, and closes the connection on everything else: as a process does that ends when it has read its requests, or before. */
function ending(how: 'ends' | 'resets'): Instance {
  const asked: Instance['asked'] = [];
  const server = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data(socket, bytes) {
        const [method = '', path = ''] = bytes.toString('latin1').split(' ');
        if (path === READINESS) {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
          return;
        }
        asked.push({ method, path, headers: new Headers() });
        if (how === 'ends') socket.end();
        else socket.terminate();
      },
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, asked, [Symbol.dispose]: () => server.stop(true) };
}

/** An error in the shape of the API's own (RFC 9457 with our fields). */
async function expectProblem(
  answer: Response,
  status: number,
  code: string,
  more: { readonly requestId: string; readonly field?: string },
): Promise<void> {
  expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
  expect(answer.headers.get('x-request-id')).toBe(more.requestId);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const text = expect.stringMatching(/^[A-Z].{10,}/);
  expect(await answer.json()).toEqual({
    ...{ type: 'about:blank', title: code.replaceAll('_', ' '), status, detail: text, code, message: text },
    ...more,
  });
}

/** Made by itself, for this machine. */
async function makeCertificate(): Promise<string> {
  using folder = temporaryFolder();
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((file) => join(folder.path, file));
  const { exit, stderr } = await runToEnd([
    ...[
      'openssl',
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-keyout', key!, '-out', certificate!],
  ]);
  if (exit !== 0) throw new Error(stderr);
  return readFileSync(certificate!, 'utf8') + readFileSync(key!, 'utf8');
}
