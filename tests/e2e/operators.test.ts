import { expect, test } from 'bun:test';
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { haveBalancers, startBalancerAsWritten } from '../support/balancers.ts';
import { runPulsecart, runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type EmbeddedShop, eventually, openShop } from '../support/shop.ts';

/** Who is an operator where no token was set. */

const STOCK = [
  ['POST', '/api/v1/sync/stock/init/1'],
  ['PUT', '/api/v1/sync/stock/1/reset?stock=5'],
] as const;
const canRun = await haveBalancers();

/** As they come with Debian, with the one line that people add. */
const AS_IT_COMES = {
  nginx: 'server { listen 80; location / { proxy_pass http://10.0.0.11:8080; } }',
  haproxy: `defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
frontend shop
  bind :80
  default_backend servers
backend servers
  option httpchk
  default-server inter 200ms fall 1
  server one 10.0.0.11:8080 check
`,
};

test('B3 the token is in a file that its owner alone may read, and stays over restarts', async () => {
  await using shop = await openShop();
  const path = join(shop.folder, 'operator-token');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const token = readFileSync(path, 'utf8').trim();
  expect(token).toMatch(/^[0-9a-f]{64}$/);
  await shop.restart();
  expect(readFileSync(path, 'utf8').trim()).toBe(token);
  expect((await asks(shop, token)).status).toBe(200);
});

test('B3 this machine calls init and reset without a token, and nothing else of operators', async () => {
  await using shop = await openShop();
  for (const [method, path] of STOCK) expect((await shop.call(method, path)).status).toBe(200);
  for (const wrong of ['', 'Bearer nothing', `Bearer ${'0'.repeat(64)}`]) {
    const headers = { Authorization: wrong };
    expect((await shop.get('/api/v1/ops/log', headers)).status).toBe(401);
    const pause = { body: { reason: 'x' }, headers };
    expect((await shop.call('POST', '/api/v1/products/1/pause', pause)).status).toBe(401);
  }
  // What needs no token is not refused for another server's, which a command here may have found.
  for (const [method, path] of STOCK) {
    expect((await shop.call(method, path, { headers: { Authorization: 'Bearer wrong' } })).status).toBe(200);
  }
});

test.skipIf(!canRun)('B3 nginx as it comes opens no door', async () => {
  await using shop = await openShop();
  await using nginx = await startBalancerAsWritten('nginx', [shop.url, shop.url], AS_IT_COMES.nginx);
  const bought = await fetch(`${nginx.url}/api/v1/sync/purchase`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ productId: 1, quantity: 1 }),
  });
  expect(bought.status).toBe(200);
  for (const [method, path] of STOCK) {
    expect([path, (await fetch(nginx.url + path, { method })).status]).toEqual([path, 401]);
    const headers = { Authorization: `Bearer ${shop.server.operatorToken}` };
    expect((await fetch(nginx.url + path, { method, headers })).status).toBe(200);
  }
});

test.skipIf(!canRun)('B1 the health check of HAProxy as it comes keeps the server in', async () => {
  await using shop = await openShop({ PULSECART_LOG_REQUESTS: 'on' });
  await using haproxy = await startBalancerAsWritten('haproxy', [shop.url, shop.url], AS_IT_COMES.haproxy);
  const checks = () =>
    shop.server
      .log()
      .split('\n')
      .filter((line) => line.includes('"method":"OPTIONS"'));
  await eventually(() => checks().length >= 3);
  expect(checks().every((line) => JSON.parse(line).status < 400)).toBe(true);
  expect((await fetch(`${haproxy.url}/api/v1/sync/stock/1`)).status).toBe(200);
});

test.skipIf(process.getuid?.() !== 0 || !canRun)(
  'B3 another user of this machine is not its owner',
  async () => {
    await using shop = await openShop();
    for (const [method, path] of STOCK) {
      const curl = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '-X', method, shop.url + path];
      const asOther = await runToEnd(['setpriv', '--reuid=www-data', '--clear-groups', ...curl]);
      expect([path, asOther.stdout]).toEqual([path, '401']);
      expect([path, (await runToEnd(curl)).stdout]).toEqual([path, '200']);
    }
  },
);

test('B3 the start says who is an operator and what to set behind a proxy', async () => {
  await using own = await openShop();
  const line = (shop: EmbeddedShop) =>
    shop.server
      .log()
      .split('\n')
      .find((one) => one.includes('operators: '))!;
  expect(line(own)).toContain(join(own.folder, 'operator-token'));
  expect(line(own)).toContain('PULSECART_OPERATOR_TOKEN');
  expect(line(own)).not.toContain(own.server.operatorToken!);
  await using set = await openShop({ PULSECART_OPERATOR_TOKEN: 'a-token-of-enough-characters' });
  expect(line(set)).toContain('holders of the token in PULSECART_OPERATOR_TOKEN');
  expect(existsSync(join(set.folder, 'operator-token'))).toBe(false);
});

test('B3 a server that others can reach wants a token, in every mode', async () => {
  using folder = temporaryFolder();
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'shop.example']) {
    const { exit, stderr } = await runPulsecart([
      'serve',
      '--port',
      '0',
      '--data',
      folder.path,
      '--host',
      host,
    ]);
    expect([host, exit, stderr]).toEqual([
      host,
      2,
      `pulsecart: PULSECART_OPERATOR_TOKEN is required to listen on ${host}, where others than this machine may ask.\n`,
    ]);
  }
});

test('B3 a file that is no token ends the start with its name, and a lost one is made anew', async () => {
  await using shop = await openShop();
  const path = join(shop.folder, 'operator-token');
  await shop.server.stop();
  writeFileSync(path, 'secret\n');
  chmodSync(path, 0o600);
  const { exit, stderr } = await runPulsecart(['serve', '--port', '0', '--data', shop.folder]);
  expect([exit, stderr]).toEqual([
    1,
    `pulsecart: ${path} holds no token of operators. Remove it, and the next start makes one.\n`,
  ]);
  rmSync(path);
  await shop.restart();
  expect(readFileSync(path, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
});

test('B3 commands on this machine find the token in the data folder, and send it nowhere else', async () => {
  await using shop = await openShop();
  const list = (env: Record<string, string>) => runPulsecart(['dlq', 'list', '--url', shop.url], env);
  expect(await list({ PULSECART_DATA: shop.folder })).toMatchObject({ exit: 0 });
  const without = await list({ PULSECART_DATA: '/nowhere' });
  expect([without.exit, without.stderr]).toEqual([
    1,
    `pulsecart: The server at ${shop.url} wants an operator: set PULSECART_OPERATOR_TOKEN to its token, or PULSECART_DATA to its data folder.\n`,
  ]);
});

function asks(shop: EmbeddedShop, token: string) {
  return shop.get('/api/v1/ops/log', { Authorization: `Bearer ${token}` });
}
