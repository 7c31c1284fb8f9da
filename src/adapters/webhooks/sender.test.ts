import { afterAll, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '../../../tests/support/folder.ts';
import { until } from '../../../tests/support/until.ts';
import { openWebhookSender } from './sender.ts';

const HERE = '127.0.0.0/8';
const TIMEOUT_MS = 1_000;
const headers = { 'content-type': 'application/json', 'webhook-id': 'msg_1' };

let answer: (req: Request) => Response | Promise<Response> = () => new Response(null, { status: 204 });
const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: (req) => answer(req) });
afterAll(() => server.stop(true));
const at = (host: string, path = '/hook') => `http://${host}:${server.port}${path}`;

function send(url: string, allowedNetworks = [HERE], addresses?: readonly string[]) {
  const resolve = addresses && { resolve: async () => addresses };
  const sender = openWebhookSender({ timeoutMs: TIMEOUT_MS, allowedNetworks, ...resolve });
  return sender.send({ url, headers, body: '{"a":"ä"}' });
}

test('posts body and headers to the address that was checked, under the name that was asked for', async () => {
  const seen: unknown[] = [];
  answer = async (req) => {
    seen.push(req.method, new URL(req.url).pathname, req.headers.get('host'), req.headers.get('webhook-id'));
    seen.push(req.headers.get('content-type'), await req.text());
    return new Response(null, { status: 202 });
  };
  const told = await send(at('hooks.example', '/a/b?c=d'), [HERE], ['127.0.0.1']);
  expect(told).toEqual({ type: 'answered', status: 202, retryAfterMs: null });
  const host = `hooks.example:${server.port}`;
  expect(seen).toEqual(['POST', '/a/b', host, 'msg_1', 'application/json', '{"a":"ä"}']);
});

test('follows no redirect, and reads when to come back', async () => {
  let asked = 0;
  answer = () => {
    asked++;
    return new Response(null, {
      status: 307,
      headers: { Location: at('127.0.0.1', '/inside'), 'Retry-After': '7' },
    });
  };
  expect(await send(at('127.0.0.1'))).toEqual({ type: 'answered', status: 307, retryAfterMs: 7_000 });
  expect(asked).toBe(1);
});

test('reads no body, however long it goes on', async () => {
  let cancelled = false;
  const endless = () =>
    new ReadableStream({
      async pull(controller) {
        controller.enqueue(new Uint8Array(65_536));
        await Bun.sleep(1);
      },
      cancel() {
        cancelled = true;
      },
    });
  answer = () => new Response(endless(), { status: 500 });
  expect(await send(at('127.0.0.1'))).toMatchObject({ status: 500 });
  await until(() => cancelled);
});

test.each([
  ['says nothing', ''],
  ['begins an answer and hangs', 'HTTP/1.1 200 OK\r\nX-'],
])('gives up a receiver that %s', async (_, said) => {
  const silent: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(said);
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as { port: number };
  const sender = openWebhookSender({ timeoutMs: 100, allowedNetworks: [HERE] });
  const told = await sender.send({ url: `http://127.0.0.1:${port}/`, headers, body: '{}' });
  expect(told).toEqual({ type: 'failed', cause: 'no answer within 100 ms' });
  silent.close();
});

test.each([
  ['of this machine', 'https://localhost/', ['127.0.0.1']],
  ['of the metadata of clouds', 'https://metadata.example/', ['169.254.169.254']],
  ['of a private network', 'https://intranet.example/', ['10.0.0.7']],
  ['of this machine in IPv6', 'https://six.example/', ['::1']],
  ['of this machine in the dress of IPv6', 'https://six.example/', ['::ffff:127.0.0.1']],
  ['that is public, beside one that is not', 'https://both.example/', ['1.1.1.1', '192.168.0.1']],
])('does not connect to an address %s', async (_, url, addresses) => {
  const told = await send(url, [], addresses);
  expect(told).toEqual({
    type: 'failed',
    cause: `not allowed: ${addresses.at(-1)!.replace('::ffff:', '')} is not a public address`,
  });
});

test.each([
  'http://127.0.0.1/',
  'http://127.1/',
  'http://2130706433/',
  'http://0x7f.0.0.1/',
  'http://[::1]/',
])('does not connect to %s, however it is written', async (url) => {
  expect(await send(url, [])).toMatchObject({
    type: 'failed',
    cause: expect.stringContaining('not allowed'),
  });
});

test('tells nobody without TLS outside of the networks that are named', async () => {
  expect(await send('http://shop.example/', [HERE], ['1.1.1.1'])).toEqual({
    type: 'failed',
    cause: 'not allowed: 1.1.1.1 would be told without TLS',
  });
});

test('a name is looked up once, so it cannot lead somewhere else after the check', async () => {
  let asked = 0;
  answer = () => new Response(null, { status: 204 });
  const resolve = async () => (++asked === 1 ? ['127.0.0.1'] : ['169.254.169.254']);
  const sender = openWebhookSender({ timeoutMs: TIMEOUT_MS, allowedNetworks: [HERE], resolve });
  expect(await sender.send({ url: at('rebind.example'), headers, body: '{}' })).toMatchObject({
    status: 204,
  });
  expect(asked).toBe(1);
});

test('says why there is no answer', async () => {
  const gone = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() });
  const { port } = gone;
  await gone.stop(true);
  const refused = { type: 'failed', cause: 'the connection was refused' };
  expect(await send(`http://127.0.0.1:${port}/`)).toEqual(refused as never);
  expect(await send(at('nowhere.example'), [HERE], [])).toMatchObject({ cause: 'its name has no address' });
});

test('ends what is under way when it is closed, and sends no more', async () => {
  let arrived = false;
  answer = () => {
    arrived = true;
    return new Promise(() => {});
  };
  const sender = openWebhookSender({ timeoutMs: 60_000, allowedNetworks: [HERE] });
  const told = sender.send({ url: at('127.0.0.1'), headers, body: '{}' });
  await until(() => arrived);
  await sender.close();
  expect(await told).toMatchObject({ type: 'failed' });
  expect(await sender.send({ url: at('127.0.0.1'), headers, body: '{}' })).toMatchObject({ type: 'failed' });
});

const OPENSSL = '/usr/bin/openssl';

test.skipIf(!existsSync(OPENSSL))('the certificate must be of the name, not of the address', async () => {
  using folder = temporaryFolder();
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder.path, name)) as [string, string];
  const asked = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert];
  const names = ['-subj', '/CN=hooks.example', '-addext', 'subjectAltName=DNS:hooks.example'];
  expect(Bun.spawnSync([OPENSSL, ...asked, ...names], { stderr: 'ignore' }).exitCode).toBe(0);
  const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  const secure = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    tls,
    fetch: () => new Response(null, { status: 204 }),
  });
  const resolve = async () => ['127.0.0.1'];
  const tell = (host: string, ca?: string) =>
    openWebhookSender({ timeoutMs: 5_000, allowedNetworks: [HERE], resolve, ...(ca && { ca }) }).send({
      url: `https://${host}:${secure.port}/`,
      headers,
      body: '{}',
    });
  expect(await tell('hooks.example', tls.cert)).toMatchObject({ status: 204 });
  expect(await tell('other.example', tls.cert)).toEqual({
    type: 'failed',
    cause: 'the certificate is for another name',
  });
  expect(await tell('hooks.example')).toMatchObject({
    type: 'failed',
    cause: expect.stringMatching(/SIGNED|certificate/i),
  });
  await secure.stop(true);
});
