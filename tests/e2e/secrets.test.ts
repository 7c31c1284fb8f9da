import { describe, expect, test } from 'bun:test';
import { onDistributedBackends } from '../support/backends.ts';
import { runPulsecart } from '../support/command.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { ownBackends } from '../support/own-backends.ts';
import { eventually, openShop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** Secrets with a mark in them, sent and set wherever secrets are, and looked for in everything that a process says. */

const MARK = 'canary';
const TOKEN = `${MARK}-of-the-operators-7Qx2`;
const STRIPE_LIKE = `sk_live_${MARK}51HabcdefGHIJ`;
const TIMEOUT_MS = 90_000;
/** Of every request. The key of a buyer without a name is all that proves a purchase to be theirs. */
const HEADERS = {
  Authorization: `Bearer ${MARK}-that-opens-nothing-0123456789`,
  Cookie: `session=${MARK}-cookie`,
  'Idempotency-Key': `${MARK}-key-of-a-nameless-buyer`,
  'X-Api-Key': STRIPE_LIKE,
};
const AS_OPERATOR = { ...HEADERS, Authorization: `Bearer ${TOKEN}` };

/** Where a backend's password stands, in each of the three. Nothing listens there. */
const NOWHERE = {
  DATABASE_URL: `postgres://shop:${MARK}-pg-pass@127.0.0.1:1/shop?sslpassword=${MARK}`,
  REDIS_URL: `redis://:${MARK}-redis-pass@127.0.0.1:1/0`,
  RABBITMQ_URL: `amqp://shop:${MARK}-rabbit-pass@127.0.0.1:1`,
};
const COLLECTOR = {
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://shop:${MARK}-otel-pass@127.0.0.1:1/?api-token=${MARK}`,
  OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${MARK}-otel-key`,
};

describe('secrets are in nothing that a process says:', () => {
  test(
    'not in its log at its most talkative, its answers or its facts',
    async () => {
      const env = {
        PULSECART_OPERATOR_TOKEN: TOKEN,
        PULSECART_LOG_LEVEL: 'trace',
        PULSECART_LOG_REQUESTS: 'on',
        PULSECART_PURCHASE_TIMEOUT_MS: '500',
        ...COLLECTOR,
      };
      await using shop = await openShop(env);
      const said: string[] = [];
      const ask = async (method: string, path: string, headers: Record<string, string>, body?: unknown) => {
        const answer = await shop.call(method, path, { headers, body });
        said.push(answer.text, JSON.stringify([...answer.headers]));
        return answer.status;
      };
      const purchase = { productId: 3, quantity: 1 };
      expect(await ask('POST', '/api/v1/sync/purchase', HEADERS, purchase)).toBe(200);
      expect(await ask('POST', '/api/v1/sync/purchase', HEADERS, { ...purchase, quantity: 2 })).toBe(422);
      expect(await ask('POST', '/api/v1/async/purchase', HEADERS, purchase)).toBe(202);
      expect(await ask('POST', `/api/v1/sync/purchase?token=${MARK}`, HEADERS, { quantity: MARK })).toBe(400);
      expect(await ask('POST', '/api/v1/sync/purchase', HEADERS, `{"broken": "${MARK}`)).toBe(400);
      expect(await ask('GET', '/api/v1/ops/log', HEADERS)).toBe(401);
      expect(await ask('GET', '/api/v1/ops/log', AS_OPERATOR)).toBe(200);
      expect(await ask('POST', '/api/v1/ops/dead-letters/replay', AS_OPERATOR, { queue: MARK })).toBe(400);
      for (const path of [
        '/',
        '/ops',
        '/docs',
        '/openapi.json',
        '/actuator',
        '/actuator/info',
        '/actuator/health',
      ])
        expect([
          path,
          await ask('GET', `${path}?token=${MARK}`, { ...HEADERS, Accept: 'text/html' }),
        ]).toEqual([path, 200]);
      expect(await ask('GET', '/actuator/prometheus', HEADERS)).toBe(200);
      {
        await using _ = await shop.holdWrites();
        const other = { ...HEADERS, 'Idempotency-Key': `${MARK}-key-of-a-bad-moment` };
        expect(await ask('POST', '/api/v1/sync/purchase', other, purchase)).toBe(503);
      }
      // All of it is logged, and not only answered.
      await until(() => shop.server.log().split('"msg":"request"').length > 15);
      expect(shop.server.log()).toMatch(/"code":"(outcome_unknown|unavailable)"/);
      await shop.server.stop();
      expectNone(shop.server.log(), shop.server.messages(), ...said);
    },
    TIMEOUT_MS,
  );

  test(
    'not when backends cannot be reached, however long that is logged',
    async () => {
      const env = { ...NOWHERE, ...COLLECTOR, PULSECART_OPERATOR_TOKEN: TOKEN };
      const waits = { ...env, PULSECART_BACKENDS_WAIT_MS: '1500', PULSECART_LOG_LEVEL: 'trace' };
      const ended = await Promise.all([
        runPulsecart(['serve', '--port', '0'], waits),
        runPulsecart(['worker'], env),
        runPulsecart(['migrate'], env),
        runPulsecart(['audit'], env),
        runPulsecart(['doctor', '--all'], env),
        runPulsecart(['doctor', '--json'], env),
      ]);
      for (const { exit, stdout, stderr } of ended) {
        expect(exit).toBe(1);
        expect(stdout + stderr).toContain('127.0.0.1:1');
        expectNone(stdout, stderr);
      }
      expect(ended[0].stdout).toContain('waiting for a backend');
    },
    TIMEOUT_MS,
  );

  test(
    'not when a setting is refused that has one in it',
    async () => {
      const refused: Record<string, string>[] = [
        { PULSECART_OPERATOR_TOKEN: MARK },
        { PULSECART_OPERATOR_TOKEN: `${MARK}-with-ümlauts-in-it` },
        { PULSECART_MODE: 'production', PULSECART_OPERATOR_TOKEN: `${MARK}-changeme-${MARK}` },
        { ...NOWHERE, DATABASE_URL: `postgres://shop:${MARK}@/x@127.0.0.1:x/y` },
        { ...NOWHERE, RABBITMQ_URL: `${MARK}@127.0.0.1` },
        { OTEL_EXPORTER_OTLP_HEADERS: MARK },
        { OTEL_EXPORTER_OTLP_ENDPOINT: `${MARK}@127.0.0.1` },
      ];
      for (const env of refused) {
        const { exit, stdout, stderr } = await runPulsecart(['serve', '--port', '0'], env);
        expect([env, exit]).toEqual([env, 2]);
        expect(stderr).toMatch(/^pulsecart: [^\n]+\n$/);
        expectNone(stdout, stderr);
      }
    },
    TIMEOUT_MS,
  );

  onDistributedBackends(() => {
    test(
      'not when backends refuse a password, and not in what a whole shop logs',
      async () => {
        await using own = await ownBackends();
        for (const name of ['DATABASE_URL', 'REDIS_URL', 'RABBITMQ_URL'] as const) {
          const url = new URL(own.env[name]!);
          url.username = url.username || 'default';
          url.password = `${MARK}-that-nobody-gave`;
          const env = { ...own.env, [name]: url.href, PULSECART_LOG_LEVEL: 'trace' };
          const { stdout, stderr } = await runPulsecart(['doctor', '--all'], env);
          expectNone(stdout, stderr);
        }
        const env = {
          PULSECART_OPERATOR_TOKEN: TOKEN,
          PULSECART_LOG_LEVEL: 'trace',
          PULSECART_LOG_REQUESTS: 'on',
        };
        await using shop = await openDistributedShop({ backends: own.env, env, workers: 1 });
        expect((await shop.buy('async', { productId: 3, quantity: 1 }, HEADERS)).status).toBe(202);
        expect((await shop.get('/api/v1/ops/log', AS_OPERATOR)).status).toBe(200);
        await eventually(() => shop.logs().includes('"path":"/api/v1/ops/log"'));
        await shop.server.stop();
        expectNone(shop.logs());
      },
      TIMEOUT_MS,
    );
  });
});

function expectNone(...texts: readonly string[]): void {
  for (const text of texts) {
    const at = text.indexOf(MARK);
    expect(at === -1 ? '' : text.slice(Math.max(0, at - 200), at + 100)).toBe('');
  }
}
