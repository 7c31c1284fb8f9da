import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentWith, readBooksPlace, readClient, readConfig, readHealthUrl } from './config.ts';
import { isAppError } from './domain/errors.ts';
import { inSchema } from './lib/database-url.ts';

const ENGINES = {
  DATABASE_URL: 'postgres://shop:secret@db.example/shop',
  REDIS_URL: 'redis://cache.example',
  RABBITMQ_URL: 'amqps://shop:secret@queue.example',
};
const TOKEN = 'a-token-of-enough-characters';

test('with nothing set everything has a value that fits one machine', () => {
  const { settings: _, ...config } = readConfig({});
  expect(config).toEqual({
    port: 8080,
    host: '127.0.0.1',
    managementPort: null,
    instances: 1,
    startTimeoutMs: 30_000,
    warmsUp: false,
    urls: null,
    namespace: 'pulsecart',
    dataFolder: './data',
    mode: 'development',
    operatorToken: null,
    operatorsFile: null,
    corsOrigins: [],
    auth: null,
    simulatorAllowed: false,
    backendsWaitMs: 0,
    defaultCredentialsAllowed: false,
    plainBackendsAllowed: false,
    runsPayments: true,
    worker: true,
    logLevel: 'info',
    logFile: null,
    logRequests: false,
    traces: null,
    trustedProxies: [],
    purchaseTimeoutMs: 3_000,
    purchaseTtlMs: 1_800_000,
    keep: {
      outcomesMs: 604_800_000,
      keysMs: 172_800_000,
      auditLogMs: 31_536_000_000,
      deadLettersMs: 2_592_000_000,
      historyMs: 604_800_000,
    },
    drainMs: 1_000,
    streams: { max: 20_000, perAddressMax: 1_000 },
    limits: null,
    tuning: {
      databasePool: null,
      purchaseBatches: null,
      workerBatches: null,
      prefetch: null,
      chargesInFlight: 2_000,
    },
    webhooks: null,
    stripe: null,
    paymentLeaseMs: 30_000,
    payments: {
      latencyMs: 5,
      jitterMs: 5,
      timeoutMs: 2_000,
      declineRate: 0,
      timeoutRate: 0,
      errorRate: 0,
      duplicateRate: 0,
      tooLateRate: 0,
      outageRate: 0,
    },
  });
});

test('every setting is read from its variable', () => {
  const { settings: _, ...config } = readConfig({
    PORT: '0',
    HOST: '::1',
    PULSECART_DATA: '/srv/data',
    PULSECART_INSTANCES: '3',
    PULSECART_START_TIMEOUT_MS: '1234',
    ...ENGINES,
    PULSECART_NAMESPACE: 'shop-2',
    PULSECART_DRAIN_MS: '250',
    PULSECART_STREAMS: '7',
    PULSECART_STREAMS_PER_ADDRESS: '0',
    PULSECART_DATABASE_POOL: '9',
    PULSECART_PURCHASE_BATCHES: '3',
    PULSECART_WORKER_BATCHES: '4',
    PULSECART_PREFETCH: '5',
    PULSECART_CHARGES_IN_FLIGHT: '6',
    PULSECART_MODE: 'development',
    PULSECART_OPERATOR_TOKEN: TOKEN,
    PULSECART_OPERATORS_FILE: '/run/secrets/operators.json',
    PULSECART_CORS_ORIGINS: 'https://shop.example, http://localhost:3000,https://shop.example',
    PULSECART_AUTH_JWKS_URL: 'https://issuer.example/keys',
    PULSECART_AUTH_ISSUER: 'https://issuer.example',
    PULSECART_AUTH_AUDIENCE: 'shop',
    PULSECART_AUTH_CLAIM: 'email',
    PULSECART_AUTH_OPERATOR_CLAIM: 'roles',
    PULSECART_AUTH_ANONYMOUS: 'allow',
    PULSECART_AUTH_GUESTS: 'off',
    PULSECART_AUTH_SESSION_MINUTES: '30',
    PULSECART_PAYMENTS: 'off',
    PULSECART_WORKER: 'off',
    PULSECART_MANAGEMENT_PORT: '9090',
    PULSECART_LOG_LEVEL: 'silent',
    PULSECART_LOG_REQUESTS: 'on',
    PULSECART_TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8,192.0.2.7,2001:db8::7',
    PULSECART_PURCHASE_TTL_SECONDS: '60',
    PULSECART_KEEP_OUTCOMES_HOURS: '25',
    PULSECART_KEEP_KEYS_HOURS: '24',
    PULSECART_KEEP_AUDIT_LOG_HOURS: '100',
    PULSECART_KEEP_DEAD_LETTERS_HOURS: '1',
    PULSECART_KEEP_HISTORY_HOURS: '2',
    PULSECART_WEBHOOK_URLS: 'https://shop.example/hook',
    PULSECART_WEBHOOK_SECRET: `whsec_${btoa('s'.repeat(32))}`,
    PULSECART_WEBHOOK_NETWORKS: '10.0.0.0/8',
    PULSECART_WEBHOOK_RETRY_SECONDS: '1,60',
    PULSECART_WEBHOOK_TIMEOUT_MS: '5000',
    PULSECART_PAYMENT_LEASE_MS: '1000',
    PULSECART_SIMULATOR_LATENCY_MS: '0',
    PULSECART_SIMULATOR_JITTER_MS: '1',
    PULSECART_SIMULATOR_TIMEOUT_MS: '50',
    PULSECART_SIMULATOR_DECLINE_RATE: '0.25',
    PULSECART_SIMULATOR_TIMEOUT_RATE: '0.1',
    PULSECART_SIMULATOR_ERROR_RATE: '0.2',
    PULSECART_SIMULATOR_DUPLICATE_RATE: '0.3',
    PULSECART_SIMULATOR_TOO_LATE_RATE: '0.15',
    PULSECART_SIMULATOR_OUTAGE_RATE: '1',
    PULSECART_WARM_UP: 'on',
    PULSECART_PURCHASE_TIMEOUT_MS: '2500',
    PULSECART_LOG_FILE: '/var/log/shop.log',
    PULSECART_LOG_FILE_MB: '7',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector:4318/otlp/',
    OTEL_EXPORTER_OTLP_TIMEOUT: '1000',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.01',
    OTEL_SERVICE_NAME: 'shop',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=a%20b,service.name=other',
    OTEL_BSP_MAX_QUEUE_SIZE: '100',
    OTEL_BSP_SCHEDULE_DELAY: '200',
    OTEL_BSP_EXPORT_TIMEOUT: '3000',
  });
  expect(config).toEqual({
    port: 0,
    host: '::1',
    managementPort: 9_090,
    instances: 3,
    startTimeoutMs: 1_234,
    warmsUp: true,
    urls: {
      databaseUrl: inSchema(ENGINES.DATABASE_URL, 'shop-2'),
      redisUrl: ENGINES.REDIS_URL,
      rabbitmqUrl: ENGINES.RABBITMQ_URL,
    },
    namespace: 'shop-2',
    dataFolder: '/srv/data',
    mode: 'development',
    operatorToken: TOKEN,
    operatorsFile: '/run/secrets/operators.json',
    corsOrigins: ['https://shop.example', 'http://localhost:3000'],
    auth: {
      key: { jwksUrl: 'https://issuer.example/keys' },
      issuer: 'https://issuer.example',
      audience: 'shop',
      claim: 'email',
      operatorClaim: 'roles',
      allowsAnonymous: true,
      allowsGuests: false,
      sessionMs: 1_800_000,
    },
    simulatorAllowed: false,
    backendsWaitMs: 0,
    defaultCredentialsAllowed: false,
    plainBackendsAllowed: false,
    runsPayments: false,
    worker: false,
    logLevel: 'silent',
    logFile: { path: '/var/log/shop.log', bytesMax: 7_000_000 },
    logRequests: true,
    traces: {
      url: 'https://collector:4318/otlp/v1/traces',
      timeoutMs: 1_000,
      sampling: { parentBased: true, ratio: 0.01 },
      resource: { 'service.name': 'shop', 'deployment.environment.name': 'a b' },
      queueMax: 100,
      batchMax: 100,
      delayMs: 200,
      exportTimeoutMs: 3_000,
    },
    trustedProxies: ['10.0.0.0/8', 'fd00::/8', '192.0.2.7/32', '2001:db8::7/128'],
    purchaseTimeoutMs: 2_500,
    purchaseTtlMs: 60_000,
    keep: {
      outcomesMs: 90_000_000,
      keysMs: 86_400_000,
      auditLogMs: 360_000_000,
      deadLettersMs: 3_600_000,
      historyMs: 7_200_000,
    },
    drainMs: 250,
    streams: { max: 7, perAddressMax: 0 },
    limits: null,
    tuning: { databasePool: 9, purchaseBatches: 3, workerBatches: 4, prefetch: 5, chargesInFlight: 6 },
    webhooks: {
      urls: ['https://shop.example/hook'],
      secrets: [`whsec_${btoa('s'.repeat(32))}`],
      networks: ['10.0.0.0/8', '127.0.0.0/8', '::1/128'],
      retryMs: [1_000, 60_000],
      timeoutMs: 5_000,
    },
    stripe: null,
    paymentLeaseMs: 1_000,
    payments: {
      latencyMs: 0,
      jitterMs: 1,
      timeoutMs: 50,
      declineRate: 0.25,
      timeoutRate: 0.1,
      errorRate: 0.2,
      duplicateRate: 0.3,
      tooLateRate: 0.15,
      outageRate: 1,
    },
  });
});

test('one key makes buyers known, and what it needs is asked for', () => {
  const rules = { PULSECART_AUTH_ISSUER: 'https://issuer.example', PULSECART_AUTH_AUDIENCE: 'shop' };
  const secret = { PULSECART_AUTH_SECRET: 'x'.repeat(32) };
  const url = { PULSECART_AUTH_JWKS_URL: 'https://issuer.example/keys' };
  expect(readConfig(secret).auth).toMatchObject({
    key: { secret: 'x'.repeat(32) },
    issuer: null,
    claim: 'sub',
  });
  expect(readConfig(secret).settings.PULSECART_AUTH_SECRET).toBe('***');
  expect(readConfig({ ...rules, PULSECART_AUTH_KEY_FILE: 'key.pem' }).auth).toMatchObject({
    key: { file: 'key.pem' },
  });
  for (const [env, says] of [
    [{ ...secret, ...url }, /PULSECART_AUTH_JWKS_URL and PULSECART_AUTH_SECRET exclude each other/],
    [{ PULSECART_AUTH_SECRET: 'x'.repeat(31) }, /at least 32 characters/],
    [url, /PULSECART_AUTH_JWKS_URL needs PULSECART_AUTH_ISSUER and PULSECART_AUTH_AUDIENCE/],
    [{ PULSECART_AUTH_KEY_FILE: 'k', PULSECART_AUTH_ISSUER: 'x' }, /PULSECART_AUTH_KEY_FILE needs/],
    [rules, /PULSECART_AUTH_ISSUER is set, and no key/],
    [{ PULSECART_AUTH_AUDIENCE: 'x' }, /PULSECART_AUTH_AUDIENCE is set, and no key/],
    [{ ...rules, PULSECART_AUTH_JWKS_URL: 'issuer.example' }, /must begin with https:/],
  ] as const) {
    expect(() => readConfig(env)).toThrow(says);
  }
  const production = {
    ...rules,
    PULSECART_MODE: 'production',
    PULSECART_OPERATOR_TOKEN: TOKEN,
    PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
  };
  const plain = { ...production, PULSECART_AUTH_JWKS_URL: 'http://issuer.example/keys' };
  expect(() => readConfig(plain)).toThrow(/must begin with https:\/\/ in production mode/);
  const here = { ...production, PULSECART_AUTH_JWKS_URL: 'http://127.0.0.1:9/keys' };
  expect(readConfig(here).auth).not.toBeNull();
});

test('a file or a claim of operators will do in production mode, and on a development server for itself alone', () => {
  const production = { PULSECART_MODE: 'production', PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on' };
  const claim = { PULSECART_AUTH_SECRET: 'x'.repeat(32), PULSECART_AUTH_OPERATOR_CLAIM: 'roles' };
  for (const operators of [{ PULSECART_OPERATORS_FILE: '/run/operators.json' }, claim]) {
    expect(readConfig({ ...production, ...operators })).toMatchObject({ operatorToken: null });
    expect(() => readConfig({ ...operators, HOST: '0.0.0.0' })).toThrow('to listen on 0.0.0.0');
  }
  expect(() => readConfig(production)).toThrow(/PULSECART_OPERATORS_FILE or PULSECART_AUTH_OPERATOR_CLAIM/);
  expect(() => readConfig({ PULSECART_AUTH_OPERATOR_CLAIM: 'roles' })).toThrow('no key to check tokens with');
});

test('an origin is one as browsers write it, and all of them only where buyers are not known', () => {
  const read = (PULSECART_CORS_ORIGINS: string, more = {}) => readConfig({ PULSECART_CORS_ORIGINS, ...more });
  expect(read('*').corsOrigins).toEqual(['*']);
  expect(() => read('*', { PULSECART_AUTH_SECRET: 'x'.repeat(32) })).toThrow('must name each origin');
  for (const one of [
    ...['shop.example', 'https://shop.example/', 'https://shop.example:443', 'https://Shop.example', 'null'],
    ...[
      'https://*.shop.example',
      'ftp://shop.example',
      'https://shop.example,*',
      'https://a@shop.example',
      '',
    ],
  ]) {
    if (one !== '') expect(() => read(one)).toThrow(/PULSECART_CORS_ORIGINS must be origins such as/);
    else expect(read(one).corsOrigins).toEqual([]);
  }
  const many = Array.from({ length: 101 }, (_, i) => `https://shop-${i}.example`);
  expect(() => read(many.join())).toThrow('takes 100 origins at most; there are 101');
});

test('health is asked for on the management port, where there is one', () => {
  expect(readHealthUrl({ PORT: '8081' })).toBe('http://127.0.0.1:8081');
  const env = { PORT: '8081', PULSECART_MANAGEMENT_PORT: '9090' };
  expect(readHealthUrl(env)).toBe('http://127.0.0.1:9090');
  expect(
    readHealthUrl({ ...env, DATABASE_URL_FILE: '/nowhere', PULSECART_OPERATOR_TOKEN: 'geheimér-token-16' }),
  ).toBe('http://127.0.0.1:9090');
  expect(() => readHealthUrl({ PULSECART_MANAGEMENT_PORT: '0' })).toThrow(
    /^PULSECART_MANAGEMENT_PORT is 0, .*--url/,
  );
  expect(readClient(env).url).toBe('http://127.0.0.1:8081');
});

test('health and metrics have a port of their own, and so has each of several processes', () => {
  const several = { ...ENGINES, PORT: '8080', PULSECART_INSTANCES: '4' };
  const refusal = (env: Record<string, string>) => {
    try {
      readConfig(env);
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(refusal({ PORT: '8080', PULSECART_MANAGEMENT_PORT: '8080' })).toBe(
    'PULSECART_MANAGEMENT_PORT must differ from PORT, which is 8080; they are the same.',
  );
  expect(refusal({ ...several, PULSECART_MANAGEMENT_PORT: '8076' })).toBe(
    'PULSECART_MANAGEMENT_PORT and the 4 ports after it must differ from PORT, which is 8080; they are 8076 to 8080.',
  );
  expect(refusal({ ...several, PULSECART_MANAGEMENT_PORT: '65532' })).toBe(
    'PULSECART_MANAGEMENT_PORT and the 4 ports after it must not go beyond 65535; they go up to 65536.',
  );
  for (const [port, managementPort] of [
    ['8075', 8075],
    ['8081', 8081],
    ['0', 0],
  ] as const)
    expect(readConfig({ ...several, PULSECART_MANAGEMENT_PORT: port }).managementPort).toBe(managementPort);
});

test('of several networks the one that is none is named', () => {
  const env = { PULSECART_TRUSTED_PROXIES: '10.0.0.0/8,10.1.0.0/33' };
  expect(() => readConfig(env)).toThrow(
    'PULSECART_TRUSTED_PROXIES must be networks such as 10.0.0.0/8 and fd00::/8, with commas between them; "10.1.0.0/33" is none.',
  );
  const many = Array(101).fill('10.0.0.1').join();
  expect(() => readConfig({ PULSECART_TRUSTED_PROXIES: many })).toThrow(
    '100 networks at most; there are 101',
  );
});

test('a variable that is empty counts as not set', () => {
  const names = ['PORT', 'HOST', 'PULSECART_DATA', 'PULSECART_MODE', 'PULSECART_OPERATOR_TOKEN'];
  const more = ['PULSECART_PAYMENTS', 'PULSECART_LOG_LEVEL', 'PULSECART_SIMULATOR_DECLINE_RATE'];
  expect(readConfig(Object.fromEntries([...names, ...more].map((name) => [name, ''])))).toEqual(
    readConfig({}),
  );
});

test('flags win over variables', () => {
  const env = { PORT: '1', HOST: '::1', PULSECART_DATA: 'a' };
  const config = readConfig(env, { port: '2', host: '127.0.0.1', data: 'b' });
  expect(config).toMatchObject({ port: 2, host: '127.0.0.1', dataFolder: 'b' });
});

test('a configuration cannot be changed once it is read', () => {
  const config = readConfig({});
  expect(Object.isFrozen(config) && Object.isFrozen(config.payments)).toBe(true);
});

const STRIPE = {
  PULSECART_PAYMENT_PROVIDER: 'stripe',
  PULSECART_STRIPE_WEBHOOK_SECRET: 'whsec_0123456789abcdef whsec_fedcba9876543210',
};
const stripeKeysOf = (mode: string) => ({
  PULSECART_STRIPE_SECRET_KEY: `sk_${mode}_0123456789`,
  PULSECART_STRIPE_PUBLISHABLE_KEY: `pk_${mode}_0123456789`,
});

test('Stripe takes the money with all that it needs, and its secrets are not shown', () => {
  const env = { ...STRIPE, ...stripeKeysOf('test') };
  const { stripe, settings } = readConfig(env);
  expect(stripe).toEqual({
    secretKey: 'sk_test_0123456789',
    publishableKey: 'pk_test_0123456789',
    webhookSecrets: ['whsec_0123456789abcdef', 'whsec_fedcba9876543210'],
    timeoutMs: 8_000,
    url: null,
    isLive: false,
  });
  expect(settings).toMatchObject({
    PULSECART_STRIPE_SECRET_KEY: '***',
    PULSECART_STRIPE_PUBLISHABLE_KEY: 'pk_test_0123456789',
    PULSECART_STRIPE_WEBHOOK_SECRET: '*** ***',
  });
  for (const name of Object.keys(env).slice(1)) expectRefused({ ...env, [name]: '' }, name);
  for (const [name, value] of [
    ['PULSECART_STRIPE_SECRET_KEY', 'pk_test_0123456789'],
    ['PULSECART_STRIPE_WEBHOOK_SECRET', `${env.PULSECART_STRIPE_WEBHOOK_SECRET} whsec_00112233445566aa`],
    ['PULSECART_STRIPE_URL', 'http://stripe.example:1'],
    ['PULSECART_STRIPE_TIMEOUT_MS', '29600'],
  ] as const)
    expectRefused({ ...env, [name]: value }, name);
  expectRefused({ ...env, PULSECART_STRIPE_SECRET_KEY: 'sk_test_123' }, '8 to 240 characters after that');
});

describe('a setting that is out of its range is refused by its name:', () => {
  const rows: [string, string[]][] = [
    ['PORT', ['65536', '-1', '80.5', '8e3', '0x50', ' 80', 'http']],
    ['PULSECART_MODE', ['prod', 'Production', 'test']],
    ['PULSECART_OPERATOR_TOKEN', ['short', '123456789012345']],
    ['PULSECART_PAYMENTS', ['true', '1', 'ON']],
    ['PULSECART_WORKER', ['false', '0']],
    ['PULSECART_LOG_REQUESTS', ['yes']],
    [
      'PULSECART_TRUSTED_PROXIES',
      ['proxy', '10.0.0.0/33', '10.0.0.0/0', '::/0', 'fd00::/129', '10.0.0.0/8,', '10.0.0.0/8/8'],
    ],
    ['PULSECART_TRUSTED_PROXIES', ['fe80::1%eth0', '10.0.0.0 /8', '10.0.0.0/08']],
    ['PULSECART_LOG_LEVEL', ['verbose']],
    ['PULSECART_LOG_FILE_MB', ['0', '10001', '1.5']],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', ['collector:4318', 'grpc://collector:4317', 'http://a b']],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', ['grpc', 'http/protobuf']],
    ['OTEL_EXPORTER_OTLP_HEADERS', ['token', 'a=%zz']],
    ['OTEL_TRACES_SAMPLER', ['sometimes', 'jaeger_remote']],
    ['OTEL_TRACES_SAMPLER_ARG', ['1.5', '-1', 'half']],
    ['OTEL_TRACES_EXPORTER', ['zipkin']],
    ['OTEL_BSP_MAX_QUEUE_SIZE', ['0', 'many']],
    ['PULSECART_PURCHASE_TTL_SECONDS', ['0', '604801', '1.5', '-1']],
    ['PULSECART_KEEP_OUTCOMES_HOURS', ['23', '87601', 'ever']],
    ['PULSECART_KEEP_KEYS_HOURS', ['23', '87601']],
    ['PULSECART_KEEP_AUDIT_LOG_HOURS', ['23', '87601']],
    ['PULSECART_KEEP_DEAD_LETTERS_HOURS', ['0', '87601']],
    ['PULSECART_STREAMS', ['1000001', '-1']],
    ['PULSECART_STREAMS_PER_ADDRESS', ['1000001', 'none']],
    ['PULSECART_SIMULATOR_LATENCY_MS', ['60001', '-1']],
    ['PULSECART_SIMULATOR_DECLINE_RATE', ['-0.1', '1.1', 'NaN', 'half']],
    ['PULSECART_SIMULATOR_JITTER_MS', ['60001']],
    ['PULSECART_SIMULATOR_TIMEOUT_MS', ['0', '20001']],
    // The simulator gives up after 2,000.
    ['PULSECART_PAYMENT_LEASE_MS', ['999', '2499', '300001', 'long']],
    ['PULSECART_START_TIMEOUT_MS', ['999', '600001']],
    ['PULSECART_SIMULATOR_TIMEOUT_RATE', ['2']],
    ['PULSECART_SIMULATOR_ERROR_RATE', ['2']],
    ['PULSECART_SIMULATOR_DUPLICATE_RATE', ['2']],
    ['PULSECART_SIMULATOR_TOO_LATE_RATE', ['2']],
    ['PULSECART_SIMULATOR_OUTAGE_RATE', ['1.1']],
    ['PULSECART_ALLOW_SIMULATED_PAYMENTS', ['true']],
  ];
  for (const [name, values] of rows) {
    for (const value of values) {
      test(`${name}=${value}`, () => expectRefused({ [name]: value }, name));
    }
  }

  test('outcomes that are kept shorter than the keys that lead to them', () => {
    const hours = { PULSECART_KEEP_OUTCOMES_HOURS: '24', PULSECART_KEEP_KEYS_HOURS: '25' };
    expectRefused(hours, 'PULSECART_KEEP_OUTCOMES_HOURS');
  });

  test('keys that are kept shorter than a purchase may wait', () => {
    const settings = { PULSECART_PURCHASE_TTL_SECONDS: '86401', PULSECART_KEEP_KEYS_HOURS: '24' };
    expectRefused(settings, 'PULSECART_KEEP_KEYS_HOURS');
  });

  test('rates of the simulator that add up to more than all charges', () => {
    const rates = { PULSECART_SIMULATOR_DECLINE_RATE: '0.6', PULSECART_SIMULATOR_ERROR_RATE: '0.5' };
    expectRefused(rates, 'PULSECART_SIMULATOR_DECLINE_RATE');
  });

  test('a lease that may end before the payment company has answered', () => {
    const times = { PULSECART_PAYMENT_LEASE_MS: '20000', PULSECART_SIMULATOR_TIMEOUT_MS: '19501' };
    expectRefused(times, 'PULSECART_PAYMENT_LEASE_MS');
    expect(readConfig({ ...times, PULSECART_SIMULATOR_TIMEOUT_MS: '19500' }).paymentLeaseMs).toBe(20_000);
  });

  test('--port 99999', () => {
    expect(() => readConfig({ PORT: '80' }, { port: '99999' })).toThrow(/^--port must be/);
  });
});

describe('production mode', () => {
  const allowed = { PULSECART_MODE: 'production', PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on' };

  test('wants an operator token', () => {
    expectRefused(allowed, 'PULSECART_OPERATOR_TOKEN');
    expectRefused({ ...allowed, PULSECART_OPERATOR_TOKEN: 'short' }, 'PULSECART_OPERATOR_TOKEN');
  });

  test('wants one that is hard to guess, and says why another is not', () => {
    for (const token of ['changeme-changeme', 'aaaaaaaaaaaaaaaa', '1234567890123456']) {
      expectRefused({ ...allowed, PULSECART_OPERATOR_TOKEN: token }, 'PULSECART_OPERATOR_TOKEN');
      expect(readConfig({ PULSECART_OPERATOR_TOKEN: token }).operatorToken).toBe(token);
    }
  });

  test('wants to be told that simulated payments are meant', () => {
    const env = { PULSECART_MODE: 'production', PULSECART_OPERATOR_TOKEN: TOKEN };
    expectRefused(env, 'PULSECART_ALLOW_SIMULATED_PAYMENTS');
    expectRefused(
      { ...env, PULSECART_ALLOW_SIMULATED_PAYMENTS: 'off' },
      'PULSECART_ALLOW_SIMULATED_PAYMENTS',
    );
  });

  test('takes no keys for tests for real money, nor real money for tests', () => {
    const keys = (mode: string) => ({ ...STRIPE, ...stripeKeysOf(mode) });
    const production = { PULSECART_MODE: 'production', PULSECART_OPERATOR_TOKEN: TOKEN };
    expectRefused({ ...production, ...keys('test') }, 'PULSECART_ALLOW_SIMULATED_PAYMENTS');
    expect(readConfig({ ...production, ...keys('live') }).stripe?.isLive).toBe(true);
    const allowed = { ...production, PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on' };
    expect(readConfig({ ...allowed, ...keys('test') }).stripe?.isLive).toBe(false);
    expectRefused(keys('live'), 'PULSECART_STRIPE_SECRET_KEY');
    expectRefused(
      { ...keys('test'), PULSECART_STRIPE_PUBLISHABLE_KEY: 'pk_live_0123456789' },
      'PULSECART_STRIPE_PUBLISHABLE_KEY',
    );
  });

  test('wants credentials that not everybody knows, and shows none', () => {
    const env = { ...allowed, ...ENGINES, PULSECART_OPERATOR_TOKEN: TOKEN };
    const wellKnown = {
      DATABASE_URL: [
        'postgres://db.example/shop',
        'postgres://postgr%65s:postgr%65s@db.example/shop',
        'postgres://db.example/x?user=a&password=postgres',
      ],
      REDIS_URL: [
        'redis://cache.example',
        'redis://default:pulsecart@cache.example',
        'redis+sentinel://a.example,b.example/main',
      ],
      RABBITMQ_URL: ['amqp://guest:guest@queue.example', 'amqp://pulsecart:pulsecart@queue.example'],
    };
    const good = { ...env, REDIS_URL: 'redis://:secret@cache.example' };
    expect(readConfig(good).mode).toBe('production');
    for (const [name, urls] of Object.entries(wellKnown)) {
      for (const url of urls) {
        expectRefused({ ...good, [name]: url }, name);
        const accepted = { ...good, [name]: url, PULSECART_ALLOW_DEFAULT_CREDENTIALS: 'on' };
        expect(readConfig(accepted).mode).toBe('production');
      }
    }
    expect(readConfig({ ...good, DATABASE_URL: 'postgres://db.example/shop?user=a&password=b' }).mode).toBe(
      'production',
    );
  });

  test('listens on every address unless told otherwise', () => {
    const env = { ...allowed, PULSECART_OPERATOR_TOKEN: TOKEN };
    expect(readConfig(env)).toMatchObject({ mode: 'production', host: '0.0.0.0', operatorToken: TOKEN });
    expect(readConfig({ ...env, HOST: '127.0.0.1' }).host).toBe('127.0.0.1');
  });
});

/** A refusal names the setting, and never shows a secret. */
function expectRefused(env: Record<string, string>, name: string): void {
  let refusal: unknown;
  try {
    readConfig(env);
  } catch (error) {
    refusal = error;
  }
  expect(isAppError(refusal, 'invalid_request')).toBe(true);
  const { message } = refusal as Error;
  expect(message).toContain(name);
  const secret = env.PULSECART_OPERATOR_TOKEN;
  if (secret) expect(message).not.toContain(secret);
}

describe('a secret in a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecart-secrets-'));
  const path = join(folder, 'token');
  afterAll(() => rmSync(folder, { recursive: true }));

  test('counts as if it were given, without the end of its line', () => {
    writeFileSync(path, `${TOKEN}\n`);
    expect(readConfig({ PULSECART_OPERATOR_TOKEN_FILE: path }).operatorToken).toBe(TOKEN);
    expect(readClient({ PULSECART_OPERATOR_TOKEN_FILE: path }).operatorToken).toBe(TOKEN);
    writeFileSync(path, 'postgres://shop:secret@db.example/shop');
    expect(readBooksPlace({ DATABASE_URL_FILE: path }, undefined)).toEqual({
      databaseUrl: inSchema('postgres://shop:secret@db.example/shop', 'pulsecart'),
    });
  });

  test('that is missing, empty or given twice is named', () => {
    writeFileSync(path, '\n');
    expect(() => readConfig({ REDIS_URL_FILE: join(folder, 'none') })).toThrow(
      /^REDIS_URL_FILE names .*none, which cannot be read: ENOENT/,
    );
    expect(() => readConfig({ REDIS_URL_FILE: path })).toThrow(
      /^REDIS_URL_FILE names .*token, which is empty/,
    );
    expect(() => readConfig({ REDIS_URL_FILE: path, REDIS_URL: 'redis://cache.example' })).toThrow(
      /^REDIS_URL and REDIS_URL_FILE are set/,
    );
  });
});

describe('the distributed backends', () => {
  test('go together: a partial set names what is missing', () => {
    const { REDIS_URL, ...without } = ENGINES;
    expect(() => readConfig(without)).toThrow(/^REDIS_URL is missing: DATABASE_URL and RABBITMQ_URL are set/);
    expect(() => readConfig({ REDIS_URL })).toThrow(
      /^DATABASE_URL and RABBITMQ_URL are missing: REDIS_URL is set/,
    );
  });

  for (const name of ['DATABASE_URL', 'REDIS_URL', 'RABBITMQ_URL']) {
    test(`refuse another scheme in ${name}, and do not show its value`, () => {
      const error = (() => {
        try {
          return readConfig({ ...ENGINES, [name]: 'http://shop:secret@example' });
        } catch (thrown) {
          return thrown as Error;
        }
      })();
      expect(String(error)).toMatch(new RegExp(`${name} must begin with `));
      expect(String(error)).not.toContain('secret');
    });
  }

  // Each leads nowhere, or to another password than was meant: the guide promises a line that says what to write.
  for (const [name, start] of [
    ['DATABASE_URL', 'postgres://shop:'],
    ['RABBITMQ_URL', 'amqp://shop:'],
  ] as const) {
    test.each(['sec/ret', 'sec%ret', 'sec#ret', 'sec?ret', 'sec ret'])(
      `refuse a ${name} with an unescaped "%s" in it, and say how to write that`,
      (password) => {
        const env = { ...ENGINES, [name]: `${start}${password}@db.example:5432/shop` };
        const line = new RegExp(`^${name} is not of the form .*/ as %2F and % as %25\\.$`);
        expect(() => readConfig(env)).toThrow(line);
        if (name === 'DATABASE_URL') expect(() => readBooksPlace(env, undefined)).toThrow(line);
      },
    );
    test(`take a ${name} with an escaped password`, () => {
      readConfig({ ...ENGINES, [name]: `${start}%40%2f%3A%25%20@db.example:5432/shop` });
    });
  }

  test('are what several instances need', () => {
    expect(() => readConfig({}, { instances: '2' })).toThrow(/^2 instances need the distributed backends/);
    expect(readConfig(ENGINES, { instances: '2' }).instances).toBe(2);
  });

  test('take a namespace that every backend takes as a name', () => {
    expect(() => readConfig({ PULSECART_NAMESPACE: 'no spaces' })).toThrow(/^PULSECART_NAMESPACE must be/);
  });
});

test('a child gets a secret as itself, also where its parent has it in a file', () => {
  process.env.PULSECART_OPERATOR_TOKEN_FILE = '/run/secrets/token';
  try {
    const env = environmentWith({ PULSECART_OPERATOR_TOKEN: 'the token itself' });
    expect(env.PULSECART_OPERATOR_TOKEN).toBe('the token itself');
    expect(Object.keys(env)).not.toContain('PULSECART_OPERATOR_TOKEN_FILE');
    expect(env.PATH).toBe(process.env.PATH);
  } finally {
    delete process.env.PULSECART_OPERATOR_TOKEN_FILE;
  }
});

test('a server warms up in production, unless that is switched off', () => {
  const production = {
    PULSECART_MODE: 'production',
    PULSECART_OPERATOR_TOKEN: 'of-an-operator-here',
    PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
  };
  expect(readConfig(production).warmsUp).toBe(true);
  expect(readConfig({ ...production, PULSECART_WARM_UP: 'off' }).warmsUp).toBe(false);
});

test('requests are limited in production, by rates that can be set, and in development when that is asked for', () => {
  expect(readConfig({}).limits).toBeNull();
  const production = {
    PULSECART_MODE: 'production',
    PULSECART_OPERATOR_TOKEN: 'of-an-operator-here',
    PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
  };
  expect(readConfig({ ...production, PULSECART_LIMITS: 'off' }).limits).toBeNull();
  expect(readConfig(production).limits).toMatchObject({
    'purchase-address': { intervalUs: 50_000, burst: 200 },
    'purchase-product': { intervalUs: 6_000_000, burst: 10 },
    'cancel-product': { intervalUs: 120_000_000, burst: 5 },
  });
  const config = readConfig({
    PULSECART_LIMITS: 'on',
    PULSECART_LIMIT_READ_ADDRESS: '3/10min',
    PULSECART_LIMIT_STREAM_ADDRESS: 'off',
  });
  expect(config.limits).toMatchObject({
    'read-address': { intervalUs: 200_000_000, burst: 3 },
    'stream-address': null,
  });
  expect(config.settings).toMatchObject({
    PULSECART_LIMITS: 'on',
    PULSECART_LIMIT_READ_ADDRESS: '3/10min burst 3',
    PULSECART_LIMIT_STREAM_ADDRESS: 'off',
    PULSECART_LIMIT_PURCHASE_ADDRESS: '20/s burst 200',
    PULSECART_LIMIT_CANCEL_PRODUCT: '5/10min burst 5',
  });
});

test('a rate that is none is refused with its name', () => {
  const wrong = [
    '20',
    '20/s burst',
    '0/s',
    '5/s burst 0',
    '1/day',
    '1/25h',
    '2000000/s',
    '-1/s',
    '1e3/s',
    '1.5/s',
  ];
  for (const given of wrong) {
    expect(() => readConfig({ PULSECART_LIMIT_READ_ADDRESS: given })).toThrow(
      `PULSECART_LIMIT_READ_ADDRESS must be off, or a rate such as "20/s burst 200" or "5/10min burst 5", of 1000000 requests at most in 24 hours at most; it is ${JSON.stringify(given)}.`,
    );
  }
});

describe('webhooks', () => {
  const SECRET = `whsec_${btoa('s'.repeat(32))}`;
  const PRODUCTION = {
    PULSECART_MODE: 'production',
    PULSECART_OPERATOR_TOKEN: TOKEN,
    PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
  };
  const read = (urls: string, more: Record<string, string> = {}) =>
    readConfig({ PULSECART_WEBHOOK_URLS: urls, PULSECART_WEBHOOK_SECRET: SECRET, ...more });

  test('have targets, secrets and a schedule of three days, and show no secret', () => {
    const { webhooks, settings } = read('https://shop.example/hook?key=canary, https://other.example:8443', {
      PULSECART_WEBHOOK_SECRET: `${SECRET} ${SECRET}`,
    });
    expect(webhooks).toMatchObject({
      urls: ['https://shop.example/hook?key=canary', 'https://other.example:8443/'],
      secrets: [SECRET, SECRET],
      timeoutMs: 15_000,
    });
    const seconds = webhooks!.retryMs.reduce((sum, ms) => sum + ms / 1000, 0);
    expect(seconds / 86_400).toBeCloseTo(3.15, 1);
    expect(settings.PULSECART_WEBHOOK_URLS).toBe('https://shop.example/hook?***,https://other.example:8443/');
    expect(settings.PULSECART_WEBHOOK_SECRET).toBe('*** ***');
  });

  test.each([
    ['shop.example/hook', 'address 1 must be a whole address that begins with https://'],
    ['https://shop.example,ftp://shop.example', 'address 2 must be a whole address'],
    ['https://ada:canary@shop.example', 'must not have a user or a password'],
    ['https://shop.example/#canary', 'must not have a # in it'],
    [`https://shop.example/${'x'.repeat(2_000)}`, 'has more than 2000 characters'],
    [
      Array.from({ length: 11 }, (_, i) => `https://shop.example/${i}`).join(),
      'takes 10 addresses at most; there are 11',
    ],
    ['https://10.0.0.1/', '10.0.0.1 is not a public address'],
    ['https://169.254.169.254/latest', '169.254.169.254 is not a public address'],
    ['https://[::ffff:10.0.0.1]/', '10.0.0.1 is not a public address'],
    ['http://1.1.1.1/', '1.1.1.1 must be told by https://'],
  ])('do not start with %s', (urls, why) => {
    expect(() => read(urls)).toThrow(why);
    expect(() => read(urls)).not.toThrow('canary');
  });

  test.each([
    'canary',
    'whsec_',
    'whsec_c2hvcnQ=',
    `whsec_${'!'.repeat(40)}`,
    `whsec_${btoa('s'.repeat(65))}`,
  ])('do not start with the secret %s, and do not repeat it', (secret) => {
    const start = () => read('https://shop.example', { PULSECART_WEBHOOK_SECRET: secret });
    expect(start).toThrow('must be whsec_ and 24 to 64 bytes in base64');
    expect(start).not.toThrow('canary');
  });

  test('want a secret', () => {
    expect(() => readConfig({ PULSECART_WEBHOOK_URLS: 'https://shop.example' })).toThrow(
      'PULSECART_WEBHOOK_SECRET is required',
    );
  });

  test('reach this machine in development alone, and other networks where these are named', () => {
    const here = ['http://127.0.0.1:9000/a', 'http://localhost:9000/b', 'http://[::1]/c'];
    expect(read(here.join()).webhooks!.urls).toEqual(here);
    for (const url of here)
      expect(() => read(url, PRODUCTION)).toThrow(/not a public address|must be told by https/);
    expect(() => read('http://shop.example', PRODUCTION)).toThrow('shop.example must be told by https://');
    const named = { ...PRODUCTION, PULSECART_WEBHOOK_NETWORKS: '10.0.0.0/8' };
    expect(read('http://10.1.2.3/,http://orders.internal/', named).webhooks!.networks).toEqual([
      '10.0.0.0/8',
    ]);
  });

  test.each(['', '0', '1.5', '5,,6', '86401', Array(31).fill('1').join()])(
    'retry after %j seconds: none or the error that says what fits',
    (seconds) => {
      const start = () => read('https://shop.example', { PULSECART_WEBHOOK_RETRY_SECONDS: seconds });
      if (seconds === '') expect(start().webhooks!.retryMs).toHaveLength(9);
      else expect(start).toThrow('must be up to 30 whole numbers from 1 to 86400');
    },
  );
});
