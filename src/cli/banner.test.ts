import { expect, test } from 'bun:test';
import { readConfig } from '../config.ts';
import { banner } from './banner.ts';

const TOKEN = { PULSECART_OPERATOR_TOKEN: 'a-token-of-enough-characters' };

function shown(env: Record<string, string>, url: string, managementUrl: string | null = null): string[] {
  const addresses = {
    url: new URL(url),
    managementUrl: managementUrl === null ? null : new URL(managementUrl),
  };
  return banner(addresses, 'embedded: SQLite', readConfig(env), 312).split('\n');
}

test('a development server shows its pages and a crowd to send, and never a token that was set', () => {
  expect(shown(TOKEN, 'http://127.0.0.1:8080/')).toEqual([
    '  PulseCart ready in 0.3 s   embedded: SQLite',
    '  Storefront   http://127.0.0.1:8080/',
    '  Operations   http://127.0.0.1:8080/ops   sign in with PULSECART_OPERATOR_TOKEN',
    '  API docs     http://127.0.0.1:8080/docs',
    '  Next         pulsecart rush   10,000 buyers',
  ]);
});

test('a production server shows its mode, its processes, its health, and no crowd', () => {
  const env = {
    ...TOKEN,
    PULSECART_MODE: 'production',
    PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
    PULSECART_INSTANCES: '4',
    DATABASE_URL: 'postgres://shop:secret@db/shop',
    REDIS_URL: 'redis://:secret@redis',
    RABBITMQ_URL: 'amqp://shop:secret@mq',
  };
  const lines = shown(env, 'http://10.0.0.5:80/', 'http://10.0.0.5:9090/');
  expect(lines).toEqual([
    '  PulseCart ready in 0.3 s   production, PostgreSQL, Redis and RabbitMQ',
    '  Storefront   http://10.0.0.5/',
    '  Operations   http://10.0.0.5/ops   sign in with PULSECART_OPERATOR_TOKEN',
    '  API docs     http://10.0.0.5/docs',
    '  Processes    4 on one port; SIGHUP replaces them in turn',
    '  Health       http://10.0.0.5:9090/actuator/health',
    '  Metrics      http://10.0.0.5:9090/actuator/prometheus',
    '  Next         pulsecart health --url http://10.0.0.5:9090',
  ]);
});

test('an address of all interfaces is shown as one that can be opened', () => {
  expect(shown({ ...TOKEN, HOST: '0.0.0.0' }, 'http://0.0.0.0:8081/')).toContain(
    '  Storefront   http://127.0.0.1:8081/',
  );
  expect(shown({ ...TOKEN, HOST: '::' }, 'http://[::]:8081/')).toContain('  Storefront   http://[::1]:8081/');
});
