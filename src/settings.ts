import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { AppError } from './domain/errors.ts';

/**
 * The one table of settings: names, values, defaults and meanings. Parsing, `doctor`, the warning about unknown names and
 * docs/reference/settings.md (`npm run reference`) are generated from it.
 */
export interface Setting<T> {
  readonly name: string;
  readonly flag?: Flag;
  /** The default. */
  readonly fallback: T;
  /** The default, as documents show it. */
  readonly preset: string;
  /** The accepted values, for display; empty: any text. */
  readonly values: string;
  readonly what: string;
  /** It is a secret or has one in it, and may be given in a file: `NAME_FILE` is its path. */
  readonly isSecret?: true;
  /** Throws AppError `invalid_request`, which names the accepted values. `as` is the variable's or the flag's name. */
  parse(given: string, as: string): T;
  /** As `doctor` shows it, without secrets. */
  show(value: T): string;
}

export type Flag = 'port' | 'host' | 'data' | 'instances';
export type Env = Readonly<Record<string, string | undefined>>;
export type Flags = Readonly<Partial<Record<Flag, string | undefined>>>;

const NONE = 'none';
const BY_BACKEND = 'by backend';
const MASK = '***';
/** More than any way to a server has. */
const NETWORKS_MAX = 100;
/** Of a rate: requests, and how long its time may be. */
const RATE_MAX = 1_000_000;
const UNIT_S = { h: 3600, min: 60, s: 1 } as const;
const PERIOD_S_MAX = 24 * UNIT_S.h;
/** More storefronts than a shop has. */
const ORIGINS_MAX = 100;
const WEBHOOK_URLS_MAX = 10;
const WEBHOOK_URL_CHARS_MAX = 2_000;
const WEBHOOK_SECRETS_MAX = 5;
const STRIPE_SECRETS_MAX = 2;
const REDIS_SCHEMES = [
  'redis:',
  'rediss:',
  'redis+sentinel:',
  'rediss+sentinel:',
  'redis+cluster:',
  'rediss+cluster:',
];

export const SETTINGS = {
  port: integer('PORT', 8080, 0, 65_535, 'port; 0 takes any free one', { flag: 'port' }),
  host: text('HOST', '127.0.0.1', 'address to listen on; in production mode `0.0.0.0`', 'host'),
  managementPort: orNone(
    integer(
      'PULSECART_MANAGEMENT_PORT',
      0,
      0,
      65_535,
      'port of health and metrics (`/actuator/…`), which `serve` then no longer answers on its public one; 0 takes any free one. For a `worker` the only one, also as its `--port`. Of `serve --instances N` it answers for all processes, and the N ports after it for each alone',
    ),
  ),
  trustedProxies: networks(
    'PULSECART_TRUSTED_PROXIES',
    "networks of the balancers in front, the nearest included: the client's address is then the right-most one of `X-Forwarded-For` that is in none of them. From elsewhere that header is ignored",
  ),
  corsOrigins: origins(
    'PULSECART_CORS_ORIGINS',
    "origins of storefronts elsewhere, whose pages may call buyers' routes by tokens, never by cookies. `*` is refused where buyers are known",
  ),
  mode: oneOf(
    'PULSECART_MODE',
    'development',
    ['development', 'production'],
    '`production` needs an operator: a token, a file of them, or a claim',
  ),
  operatorToken: secret(
    'PULSECART_OPERATOR_TOKEN',
    16,
    'bearer token of operators; production mode refuses one that is easy to guess. Without one a development server makes its own, in the file `operator-token` of its data folder, and answers `init` and `reset` without any, to the same user on this machine. Needed in production mode, and with a `HOST` that is no loopback address',
  ),
  operatorsFile: optionalText(
    'PULSECART_OPERATORS_FILE',
    'file with operators who have a token each, as JSON: their names, roles (`viewer`, `operator`, `admin`) and the SHA-256 of their tokens. It is read again when it changes. `token --operator NAME --role ROLE` makes an entry',
  ),
  authJwksUrl: url(
    'PULSECART_AUTH_JWKS_URL',
    ['https:', 'http:'],
    "where the issuer of the shop's tokens (JWT) has its public keys. This, or one of the next two, makes buyers known by tokens and sessions; with none of them anybody may name any `userId`",
    'https://issuer/path',
  ),
  // A key of HS256 has at least the 256 bits of its hash (RFC 7518, 3.2).
  authSecret: secret(
    'PULSECART_AUTH_SECRET',
    32,
    'key that the shop signs its tokens with (HS256); `token` mints tokens with it for trying out',
  ),
  authKeyFile: optionalText(
    'PULSECART_AUTH_KEY_FILE',
    "file with the issuer's public key, as PEM, JWK or JWK set",
  ),
  authIssuer: optionalText(
    'PULSECART_AUTH_ISSUER',
    'the `iss` that tokens must have. Needed with public keys',
  ),
  authAudience: optionalText(
    'PULSECART_AUTH_AUDIENCE',
    'the `aud` that tokens must have, or have among others. Needed with public keys',
  ),
  authClaim: text('PULSECART_AUTH_CLAIM', 'sub', 'claim of a token that names the customer'),
  authOperatorClaim: optionalText(
    'PULSECART_AUTH_OPERATOR_CLAIM',
    'claim of a token that makes its bearer an operator: `viewer`, `operator` or `admin`, or a list that has one of them. A path with dots leads into objects: `resource_access.pulsecart.roles`',
  ),
  authAnonymous: oneOf(
    'PULSECART_AUTH_ANONYMOUS',
    'refuse',
    ['refuse', 'allow'],
    'whether callers without token or session may buy, as nobody. Their orders are seen by all who have the id',
  ),
  authGuests: onOff(
    'PULSECART_AUTH_GUESTS',
    true,
    'whether callers without a token of the shop get a session as guests. `off`: who buys is signed in at the shop',
  ),
  authSessionMinutes: integer(
    'PULSECART_AUTH_SESSION_MINUTES',
    720,
    1,
    43_200,
    'how long a session lasts that a token was exchanged for. Sessions of guests last 30 days from the last visit',
  ),
  // More than 64 processes do not pay off: few machines have as many cores.
  instances: integer(
    'PULSECART_INSTANCES',
    1,
    1,
    64,
    'server processes that share the port; more than one needs the distributed backends',
    { flag: 'instances' },
  ),
  startTimeoutMs: integer(
    'PULSECART_START_TIMEOUT_MS',
    30_000,
    1000,
    600_000,
    'how long each of several may take to start, a migration included, before it is killed and started again',
  ),
  // A developer who starts it again and again would wait a second more each time.
  warmUp: onOff(
    'PULSECART_WARM_UP',
    false,
    'whether a server serves made-up requests before the first real one, so that its code is compiled: on a store of their own in a temporary folder, which is removed; with PostgreSQL purchases are decided there, and rolled back. The start takes at most 1.5 seconds more. In production mode `on`',
  ),
  // Within 1 s requests that were just sent still reach a server; on a terminal the delay is hardly noticed.
  drainMs: integer(
    'PULSECART_DRAIN_MS',
    1000,
    0,
    5000,
    'how long a stopping server keeps answering, each answer ending its connection; at least 2000 for one that SIGHUP replaces',
  ),
  dataFolder: text('PULSECART_DATA', './data', 'folder of the data of the embedded backends', 'data'),
  databaseUrl: url(
    'DATABASE_URL',
    ['postgres:', 'postgresql:'],
    'PostgreSQL, `postgres://…`. This and the next two go together: all three, or none for the embedded backends',
    'postgres://user:password@host:5432/database',
  ),
  redisUrl: url(
    'REDIS_URL',
    REDIS_SCHEMES,
    'Redis, `redis://…` or `rediss://…`; `redis+sentinel://` and `redis+cluster://` with several hosts',
  ),
  rabbitmqUrl: url(
    'RABBITMQ_URL',
    ['amqp:', 'amqps:'],
    'RabbitMQ, `amqp://…` or `amqps://…`',
    'amqp://user:password@host:5672/vhost',
  ),
  // Containers are started together, and a broker takes some seconds; a person at a terminal wants to know at once.
  backendsWaitMs: integer(
    'PULSECART_BACKENDS_WAIT_MS',
    0,
    0,
    600_000,
    'how long a start waits for a backend that cannot be reached yet, naming it in the log; 0: the start ends at once. What only an operator can mend (a wrong password) ends it in any case',
  ),
  allowDefaultCredentials: onOff(
    'PULSECART_ALLOW_DEFAULT_CREDENTIALS',
    false,
    'production mode starts with a backend without a password, or with one that documents show (guest, postgres, pulsecart), only with `on`',
  ),
  allowPlainBackends: onOff(
    'PULSECART_ALLOW_PLAIN_BACKENDS',
    false,
    'production mode reaches a backend without TLS at an address that belongs to no private network only with `on`',
  ),
  namespace: matching(
    'PULSECART_NAMESPACE',
    'pulsecart',
    /^[a-z][a-z0-9_-]{0,39}$/,
    '1 to 40 of a-z, 0-9, _ and -, a letter first',
    'names the schema in PostgreSQL, and prefixes every key in Redis and every name in RabbitMQ',
  ),
  databasePool: optional(
    'PULSECART_DATABASE_POOL',
    2,
    100,
    'connections to PostgreSQL per process: 10, or 6 more than batches',
  ),
  prefetch: optional(
    'PULSECART_PREFETCH',
    1,
    10_000,
    'messages of a queue that RabbitMQ delivers to a process before the first is acknowledged: 32',
  ),
  worker: onOff('PULSECART_WORKER', true, '`off`: async purchases are queued and wait'),
  workerBatches: optional(
    'PULSECART_WORKER_BATCHES',
    1,
    32,
    'batches of queued purchases decided at once: 1, with PostgreSQL 2',
  ),
  purchaseBatches: optional(
    'PULSECART_PURCHASE_BATCHES',
    1,
    32,
    'batches of purchases at the ledger at once: 1, with PostgreSQL 2',
  ),
  // Buyers and balancers wait longer than 3 s; a backend that needs it for a purchase is in trouble.
  purchaseTimeoutMs: integer(
    'PULSECART_PURCHASE_TIMEOUT_MS',
    3000,
    500,
    30_000,
    'a purchase, and a read or end of one, is answered within this time, give or take half a second, whatever a backend does; a sync purchase is decided within it or not at all',
  ),
  purchaseTtlSeconds: integer(
    'PULSECART_PURCHASE_TTL_SECONDS',
    1800,
    1,
    604_800,
    'a queued purchase older than this ends as `too_old`',
    { values: '1 to 604800, and no longer than keys are kept' },
  ),
  runsPayments: onOff('PULSECART_PAYMENTS', true, '`off`: charges are queued and wait'),
  // At 300 ms per charge, as with a real provider, 2,000 make about 6,600 orders/s; each costs about a kilobyte.
  chargesInFlight: integer(
    'PULSECART_CHARGES_IN_FLIGHT',
    2000,
    1,
    100_000,
    'charges sent to the payment company and not yet recorded',
  ),
  // Each costs some kilobytes and a file descriptor.
  streams: integer(
    'PULSECART_STREAMS',
    20_000,
    0,
    1_000_000,
    'live streams at once in one process; `0`: none',
  ),
  // Many people may share an address, but not a twentieth of all connections.
  streamsPerAddress: integer(
    'PULSECART_STREAMS_PER_ADDRESS',
    1000,
    0,
    1_000_000,
    'live streams at once from one address; `0`: no limit. Behind a proxy set `PULSECART_TRUSTED_PROXIES`, too',
  ),
  limits: onOff(
    'PULSECART_LIMITS',
    false,
    'whether requests are limited by the rates that follow; in production mode `on`. Each is one for each address, or customer, in each process',
  ),
  limitPurchaseAddress: rate(
    'PULSECART_LIMIT_PURCHASE_ADDRESS',
    '20/s burst 200',
    'purchases and cancellations of one address, of IPv6 one /64. Private addresses that are not behind `PULSECART_TRUSTED_PROXIES` have no limits',
  ),
  limitPurchaseCustomer: rate(
    'PULSECART_LIMIT_PURCHASE_CUSTOMER',
    '1/s burst 20',
    'purchases of one customer, from whatever addresses',
  ),
  limitPurchaseProduct: rate(
    'PULSECART_LIMIT_PURCHASE_PRODUCT',
    '10/min burst 10',
    'attempts of one customer to buy one product, from whatever addresses',
  ),
  limitCancelProduct: rate(
    'PULSECART_LIMIT_CANCEL_PRODUCT',
    '5/10min burst 5',
    'orders of one product that a customer may cancel and still buy it again',
  ),
  limitReadAddress: rate(
    'PULSECART_LIMIT_READ_ADDRESS',
    '100/s burst 1000',
    'reads and pages of one address',
  ),
  // As many as it may have at once: they all come back when a server is replaced.
  limitStreamAddress: rate(
    'PULSECART_LIMIT_STREAM_ADDRESS',
    '50/s burst 1000',
    'live streams that one address opens',
  ),
  limitOperatorAddress: rate(
    'PULSECART_LIMIT_OPERATOR_ADDRESS',
    '50/s burst 500',
    "operators' calls from one address, with a token or without",
  ),
  limitSignInAddress: rate(
    'PULSECART_LIMIT_SIGN_IN_ADDRESS',
    '1/10s burst 10',
    'calls from one address with a wrong operator token. Right ones pass in any case',
  ),
  // Ten years at most: data to be kept longer belongs in an archive.
  keepOutcomesHours: integer(
    'PULSECART_KEEP_OUTCOMES_HOURS',
    168,
    24,
    87_600,
    'how long the tracking id of a refused purchase can be read; at least as long as keys',
  ),
  keepKeysHours: integer(
    'PULSECART_KEEP_KEYS_HOURS',
    48,
    24,
    87_600,
    'how long an idempotency key is known; at least as long as a purchase may wait',
  ),
  keepAuditLogHours: integer(
    'PULSECART_KEEP_AUDIT_LOG_HOURS',
    8760,
    24,
    87_600,
    'how long the audit log of operators is kept',
  ),
  keepDeadLettersHours: integer(
    'PULSECART_KEEP_DEAD_LETTERS_HOURS',
    720,
    1,
    87_600,
    'when dead letters are discarded',
  ),
  keepHistoryHours: integer(
    'PULSECART_KEEP_HISTORY_HOURS',
    168,
    1,
    87_600,
    'how long the figures of past sales can be read; of at most 20,000 moments in all',
  ),
  logLevel: oneOf(
    'PULSECART_LOG_LEVEL',
    'info',
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'the lowest level that is logged',
  ),
  logFile: optionalText(
    'PULSECART_LOG_FILE',
    'file that gets the log instead of standard output, such as `logs/pulsecart.log`; its folder is made. Several processes may share it',
  ),
  logFileMb: integer(
    'PULSECART_LOG_FILE_MB',
    50,
    1,
    10_000,
    'size in megabytes at which it is renamed to `pulsecart.log.<time>`; the newest five of those are kept',
  ),
  logRequests: onOff('PULSECART_LOG_REQUESTS', false, '`on`: one log line per request'),
  otlpEndpoint: url(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    ['http:', 'https:'],
    'OpenTelemetry collector, `http://…` or `https://…`; spans of sampled purchases are posted to its `/v1/traces`. Without it there are no traces. This and the others have the names and meanings of the OpenTelemetry specification',
    'http://host:4318',
  ),
  otlpTracesEndpoint: url(
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    ['http:', 'https:'],
    'the same, with its path',
    'http://host:4318/v1/traces',
  ),
  otlpProtocol: oneOf(
    'OTEL_EXPORTER_OTLP_PROTOCOL',
    'http/json',
    ['http/json'],
    'the only protocol that is spoken; collectors take it at the port of `http/protobuf`',
  ),
  otlpTracesProtocol: oneOf('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'http/json', ['http/json'], 'the same'),
  otlpHeaders: pairs(
    'OTEL_EXPORTER_OTLP_HEADERS',
    'headers of each post, such as the token of a service',
    'secret',
  ),
  otlpTimeoutMs: integer(
    'OTEL_EXPORTER_OTLP_TIMEOUT',
    10_000,
    100,
    60_000,
    'milliseconds that a post may take, retries included',
  ),
  otelDisabled: oneOf('OTEL_SDK_DISABLED', 'false', ['false', 'true'], '`true`: no traces'),
  tracesExporter: oneOf('OTEL_TRACES_EXPORTER', 'otlp', ['otlp', 'none'], '`none`: no traces'),
  tracesSampler: oneOf(
    'OTEL_TRACES_SAMPLER',
    'parentbased_always_on',
    [
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ],
    'which purchases are traced. `parentbased_…` follows callers who send a `traceparent`',
  ),
  tracesSamplerArg: fraction(
    'OTEL_TRACES_SAMPLER_ARG',
    1,
    'share of traces for the two samplers named `traceidratio`',
  ),
  serviceName: text('OTEL_SERVICE_NAME', 'pulsecart', 'name of the service on its spans'),
  resourceAttributes: pairs('OTEL_RESOURCE_ATTRIBUTES', 'more attributes of the process on its spans'),
  spansQueued: integer(
    'OTEL_BSP_MAX_QUEUE_SIZE',
    2048,
    1,
    1_000_000,
    'spans that wait for the collector; further ones are dropped and counted',
  ),
  spansPerPost: integer('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512, 1, 10_000, 'spans in one post, at most'),
  spansDelayMs: integer(
    'OTEL_BSP_SCHEDULE_DELAY',
    5000,
    1,
    60_000,
    'milliseconds that a span waits for others at most',
  ),
  spansExportTimeoutMs: integer(
    'OTEL_BSP_EXPORT_TIMEOUT',
    30_000,
    100,
    120_000,
    'milliseconds until the next post may begin, whatever became of the one before',
  ),
  paymentProvider: oneOf(
    'PULSECART_PAYMENT_PROVIDER',
    'simulator',
    ['simulator', 'stripe'],
    'who takes the money. The simulator pays by itself; with Stripe each buyer pays. Every process needs the same',
  ),
  stripeSecretKey: stripeKeys(
    'PULSECART_STRIPE_SECRET_KEY',
    /^[sr]k_(test|live)_\w{8,240}$/,
    'sk_test_…, sk_live_…, rk_test_…, rk_live_…, 8 to 240 characters after that',
    1,
    'the key that the server calls Stripe with. Keys for tests count as simulated payments; a development server takes no others',
  ),
  stripePublishableKey: {
    ...matching(
      'PULSECART_STRIPE_PUBLISHABLE_KEY',
      '',
      /^pk_(test|live)_\w{8,240}$/,
      'pk_test_…, pk_live_…, 8 to 240 characters after that',
      'the key that pages call Stripe with; of the same mode',
    ),
    preset: NONE,
    show: (value: string) => value || NONE,
  },
  stripeWebhookSecret: stripeKeys(
    'PULSECART_STRIPE_WEBHOOK_SECRET',
    /^whsec_[\w+/=-]{16,240}$/,
    'whsec_…, 16 to 240 characters after that',
    STRIPE_SECRETS_MAX,
    "signing secret of Stripe's webhook endpoint, which is `/api/v1/payments/events` here. Two while it is rolled",
  ),
  // An answer takes Stripe about a second where a bank is asked; a lease must outlast it.
  stripeTimeoutMs: integer(
    'PULSECART_STRIPE_TIMEOUT_MS',
    8_000,
    100,
    60_000,
    'when an unanswered call of Stripe is given up, with all requests that it makes',
  ),
  stripeUrl: url(
    'PULSECART_STRIPE_URL',
    ['http:', 'https:'],
    'for tests: another Stripe, on this machine',
    'http://127.0.0.1:12111',
  ),
  allowSimulatedPayments: onOff(
    'PULSECART_ALLOW_SIMULATED_PAYMENTS',
    false,
    'production mode takes no money for show, by the simulator or with keys for tests, but with `on`',
  ),
  // At the default a hold of ten minutes has many leases, which outlast a short disturbance.
  paymentLeaseMs: integer(
    'PULSECART_PAYMENT_LEASE_MS',
    30_000,
    1000,
    300_000,
    'how long an unanswered charge or refund rests before it is retried with the same key, and after which a payment that its buyer makes is looked at again. A failed charge waits a sixth of it for its next attempt, 5 seconds at most; a lost one is found after a third of it, 10 seconds at most',
    {
      values:
        '1000 to 300000, and at least 500 more than `PULSECART_SIMULATOR_TIMEOUT_MS`; with Stripe, than `PULSECART_STRIPE_TIMEOUT_MS`',
    },
  ),
  simulatorLatencyMs: integer(
    'PULSECART_SIMULATOR_LATENCY_MS',
    5,
    0,
    60_000,
    "the payment simulator's least time to an answer",
  ),
  simulatorJitterMs: integer(
    'PULSECART_SIMULATOR_JITTER_MS',
    5,
    0,
    60_000,
    'the longest random addition to it',
  ),
  simulatorTimeoutMs: integer(
    'PULSECART_SIMULATOR_TIMEOUT_MS',
    2000,
    1,
    20_000,
    'when an unanswered call is given up',
  ),
  simulatorDeclineRate: fraction(
    'PULSECART_SIMULATOR_DECLINE_RATE',
    0,
    'share of charges that it declines. This and the next four add up to 1 at most',
  ),
  simulatorTimeoutRate: fraction(
    'PULSECART_SIMULATOR_TIMEOUT_RATE',
    0,
    'share of charges and refunds that it does not answer; half of them are carried out',
  ),
  simulatorErrorRate: fraction(
    'PULSECART_SIMULATOR_ERROR_RATE',
    0,
    'share of charges and refunds that it refuses with an error, doing nothing',
  ),
  simulatorDuplicateRate: fraction(
    'PULSECART_SIMULATOR_DUPLICATE_RATE',
    0,
    'share of charges that it reports three times',
  ),
  simulatorTooLateRate: fraction(
    'PULSECART_SIMULATOR_TOO_LATE_RATE',
    0,
    'share of charges that it never answers and captures after it confirmed their cancellation',
  ),
  simulatorOutageRate: fraction(
    'PULSECART_SIMULATOR_OUTAGE_RATE',
    0,
    'share of every minute, from its beginning, during which it is unreachable',
  ),
  webhookUrls: webhookUrls(
    'PULSECART_WEBHOOK_URLS',
    'who hears of orders, by signed POST requests; none: nobody, and nothing is written for it. Every process needs the same',
  ),
  webhookSecret: webhookSecrets(
    'PULSECART_WEBHOOK_SECRET',
    'signs what targets hear, in the format of Standard Webhooks. Several at once while they change: each one signs',
  ),
  webhookNetworks: networks(
    'PULSECART_WEBHOOK_NETWORKS',
    'networks that are not public and in which targets may be all the same, then also without TLS. A development server may tell its own machine in any case',
  ),
  // The schedule that Standard Webhooks proposes: three days, which is a weekend and its Monday.
  webhookRetrySeconds: integers(
    'PULSECART_WEBHOOK_RETRY_SECONDS',
    [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400],
    { min: 1, max: 86_400, countMax: 30 },
    'the pause after each try in vain; an event that fails once more is a dead letter. A tenth at random is added',
  ),
  // Long enough for a receiver that works before it answers, which it should not.
  webhookTimeoutMs: integer(
    'PULSECART_WEBHOOK_TIMEOUT_MS',
    15_000,
    100,
    60_000,
    'how long a target may take to answer',
  ),
};

/** The sections of the reference, each with the setting that begins it. */
export const SECTIONS: readonly (readonly [title: string, first: keyof typeof SETTINGS])[] = [
  ['Where it listens, and as what', 'port'],
  ['Backends', 'dataFolder'],
  ['Work', 'worker'],
  ['Live streams', 'streams'],
  ['Limits of requests', 'limits'],
  ['What is kept, and how long', 'keepOutcomesHours'],
  ['Logs', 'logLevel'],
  ['Traces', 'otlpEndpoint'],
  ['Payments', 'paymentProvider'],
  ['Webhooks', 'webhookUrls'],
];

/** Added to a secret's name: the path of a file with it, as container engines hand secrets over. */
const IN_FILE = '_FILE';

/** The variable that names a setting's file; null where the setting has none. */
export function fileVariableOf({
  name,
  isSecret,
}: Pick<Setting<unknown>, 'name' | 'isSecret'>): string | null {
  return isSecret ? name + IN_FILE : null;
}

/** `env` with the secrets that it names files of. Each read is a new one, so a new process has the file's present content. */
export function withSecretFiles(env: Env): Env {
  const found: Record<string, string> = {};
  for (const setting of Object.values(SETTINGS)) {
    const variable = fileVariableOf(setting);
    const path = variable && env[variable];
    if (!variable || !path) continue;
    if (env[setting.name])
      throw invalid(`${setting.name} and ${variable} are set: only one of them can count.`);
    found[setting.name] = readSecret(path, variable);
  }
  return Object.keys(found).length === 0 ? env : { ...env, ...found };
}

function readSecret(path: string, variable: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw invalid(
      `${variable} names ${path}, which cannot be read: ${(error as NodeJS.ErrnoException).code}.`,
    );
  }
  if (text === '') throw invalid(`${variable} names ${path}, which is empty.`);
  return text;
}

/** Reads settings, a flag before its variable; an empty variable counts as unset. Remembers the effective values. */
export function openSettings(env: Env, flags: Flags = {}) {
  const shown = new Map<string, string>();
  return {
    read<T>(setting: Setting<T>, fallback: T = setting.fallback): T {
      const flag = setting.flag && flags[setting.flag];
      const given = flag ?? (env[setting.name] || undefined);
      const as = flag === undefined ? setting.name : `--${setting.flag}`;
      const value = given === undefined ? fallback : setting.parse(given, as);
      shown.set(setting.name, setting.show(value));
      return value;
    },
    /** The effective values in their written form, in the order of the table. */
    shown: (): Readonly<Record<string, string>> =>
      Object.fromEntries(
        Object.values(SETTINGS)
          .filter(({ name }) => shown.has(name))
          .map(({ name }) => [name, shown.get(name)!]),
      ),
  };
}

export function invalid(message: string): AppError {
  return new AppError('invalid_request', message);
}

function text(name: string, fallback: string, what: string, flag?: Flag): Setting<string> {
  const plain = { name, fallback, preset: fallback, values: '', what, parse: String, show: String };
  return flag ? { ...plain, flag } : plain;
}

function optionalText(name: string, what: string): Setting<string | null> {
  return {
    ...{ name, fallback: null, preset: NONE, values: '', what, parse: String },
    show: (value) => value ?? NONE,
  };
}

function matching(
  name: string,
  fallback: string,
  pattern: RegExp,
  values: string,
  what: string,
): Setting<string> {
  return {
    ...text(name, fallback, what),
    values,
    parse(given, as) {
      if (pattern.test(given)) return given;
      throw invalid(`${as} must be ${values}; it is ${JSON.stringify(given)}.`);
    },
  };
}

/** A query may have a secret in it. */
function webhookUrls(name: string, what: string): Setting<readonly string[]> {
  const values = `addresses that begin with https://, with commas between them; ${WEBHOOK_URLS_MAX} at most`;
  return {
    ...{ name, fallback: [], preset: NONE, values, what, isSecret: true },
    parse(given, as) {
      const all = [...new Set(given.split(',').map((one) => one.trim()))];
      if (all.length > WEBHOOK_URLS_MAX) {
        throw invalid(`${as} takes ${WEBHOOK_URLS_MAX} addresses at most; there are ${all.length}.`);
      }
      all.forEach((one, i) => {
        const wrong = wrongWithWebhookUrl(one);
        if (wrong) throw invalid(`${as}: address ${i + 1} ${wrong}.`);
      });
      return all.map((one) => new URL(one).href);
    },
    show: (value) => value.map((one) => one.replace(/\?.*/s, `?${MASK}`)).join(',') || NONE,
  };
}

function wrongWithWebhookUrl(text: string): string | null {
  if (text.length > WEBHOOK_URL_CHARS_MAX) return `has more than ${WEBHOOK_URL_CHARS_MAX} characters`;
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    return 'must be a whole address that begins with https://';
  const { username, password, hash } = new URL(text);
  if (username || password) return 'must not have a user or a password in it: what is sent is signed instead';
  return hash ? 'must not have a # in it: that part is never sent' : null;
}

/** As Standard Webhooks has them: 24 to 64 random bytes. */
function webhookSecrets(name: string, what: string): Setting<readonly string[]> {
  const values = `\`whsec_\` and 24–64 bytes in base64; ${WEBHOOK_SECRETS_MAX} at most, with spaces between them`;
  return {
    ...{ name, fallback: [], preset: NONE, values, what, isSecret: true },
    parse(given, as) {
      const all = given.split(/[\s,]+/).filter((one) => one !== '');
      if (all.length > WEBHOOK_SECRETS_MAX) {
        throw invalid(`${as} takes ${WEBHOOK_SECRETS_MAX} secrets at most; there are ${all.length}.`);
      }
      for (const one of all) {
        const bytes = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(one);
        const { length } = Buffer.from(bytes?.[1] ?? '', 'base64');
        if (length >= 24 && length <= 64) continue;
        throw invalid(
          `${as} must be whsec_ and 24 to 64 bytes in base64, such as whsec_$(openssl rand -base64 32).`,
        );
      }
      return all;
    },
    show: (value) => value.map(() => MASK).join(' ') || NONE,
  };
}

/** What Stripe has made, several with spaces between them; what is not of its form is not repeated. */
function stripeKeys(
  name: string,
  pattern: RegExp,
  form: string,
  countMax: number,
  what: string,
): Setting<readonly string[]> {
  const values = countMax === 1 ? form : `${form}; ${countMax} at most, with a space between them`;
  return {
    ...{ name, fallback: [], preset: NONE, values, what, isSecret: true },
    parse(given, as) {
      const all = given.split(/\s+/).filter((one) => one !== '');
      if (all.length <= countMax && all.every((one) => pattern.test(one))) return all;
      throw invalid(`${as} must be ${values}.`);
    },
    show: (value) => value.map(() => MASK).join(' ') || NONE,
  };
}

function integers(
  name: string,
  fallback: readonly number[],
  { min, max, countMax }: { readonly min: number; readonly max: number; readonly countMax: number },
  what: string,
): Setting<readonly number[]> {
  const values = `${min} to ${max}, with commas between them; ${countMax} at most`;
  return {
    ...{ name, fallback, preset: fallback.join(), values, what, show: String },
    parse(given, as) {
      const all = given.split(',').map((one) => one.trim());
      const isFine = (one: string) => /^\d{1,9}$/.test(one) && Number(one) >= min && Number(one) <= max;
      if (all.length <= countMax && all.every(isFine)) return all.map(Number);
      throw invalid(
        `${as} must be up to ${countMax} whole numbers from ${min} to ${max}, with commas between them; it is ${JSON.stringify(given)}.`,
      );
    },
  };
}

/** Addresses, each with the length of its network; without one it is that address alone. */
function networks(name: string, what: string): Setting<readonly string[]> {
  const values = `networks such as \`10.0.0.0/8\`, \`fd00::/8\`, \`192.0.2.7\`, with commas between them; ${NETWORKS_MAX} at most`;
  return {
    ...{ name, fallback: [], preset: NONE, values, what },
    parse(given, as) {
      const all = given.split(',').map((one) => one.trim());
      if (all.length > NETWORKS_MAX) {
        throw invalid(`${as} takes ${NETWORKS_MAX} networks at most; there are ${all.length}.`);
      }
      return all.map((one) => {
        const network = readNetwork(one);
        if (network !== null) return network;
        const like = 'networks such as 10.0.0.0/8 and fd00::/8, with commas between them';
        throw invalid(`${as} must be ${like}; ${JSON.stringify(one)} is none.`);
      });
    },
    show: (value) => (value.length === 0 ? NONE : value.join(',')),
  };
}

/** As browsers write them: in lower case, and without a port that is the scheme's own. */
function origins(name: string, what: string): Setting<readonly string[]> {
  const values = `origins such as \`https://shop.example\`, with commas between them; ${ORIGINS_MAX} at most. \`*\`: all`;
  return {
    ...{ name, fallback: [], preset: NONE, values, what },
    parse(given, as) {
      const all = [...new Set(given.split(',').map((one) => one.trim()))];
      if (all.length > ORIGINS_MAX) {
        throw invalid(`${as} takes ${ORIGINS_MAX} origins at most; there are ${all.length}.`);
      }
      if (given.trim() === '*') return ['*'];
      for (const one of all) {
        if (/^https?:\/\/[^*]+$/.test(one) && URL.parse(one)?.origin === one) continue;
        const like =
          'origins such as https://shop.example, as browsers write them: scheme, host and port, nothing after it';
        throw invalid(`${as} must be ${like}; ${JSON.stringify(one)} is none.`);
      }
      return all;
    },
    show: (value) => value.join(',') || NONE,
  };
}

/** Null for anything else, and for all addresses at once: then every client could say where it is. */
function readNetwork(text: string): string | null {
  const [address = '', length, ...more] = text.split('/');
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  const isLength = length === undefined || (/^[1-9]\d{0,2}$/.test(length) && Number(length) <= bits);
  if (bits === 0 || !isLength || more.length > 0 || address.includes('%')) return null;
  return `${address}/${length ?? bits}`;
}

function oneOf<const T extends string>(
  name: string,
  fallback: NoInfer<T>,
  allowed: readonly T[],
  what: string,
): Setting<T> {
  const codes = allowed.map((one) => `\`${one}\``);
  return {
    ...{ name, fallback, preset: fallback, what, show: String },
    values: codes.length === 1 ? codes[0]! : `${codes.slice(0, -1).join(', ')} or ${codes.at(-1)}`,
    parse(given, as) {
      const found = allowed.find((one) => one === given);
      if (found !== undefined) return found;
      const accepted = allowed.length === 1 ? allowed[0] : `one of ${allowed.join(', ')}`;
      throw invalid(`${as} must be ${accepted}; it is ${JSON.stringify(given)}.`);
    },
  };
}

function onOff(name: string, fallback: boolean, what: string): Setting<boolean> {
  const choice = oneOf(name, fallback ? 'on' : 'off', ['on', 'off'], what);
  return {
    ...choice,
    fallback,
    parse: (given, as) => choice.parse(given, as) === 'on',
    show: (value) => (value ? 'on' : 'off'),
  };
}

function integer(
  name: string,
  fallback: number,
  min: number,
  max: number,
  what: string,
  more: { readonly flag?: Flag; readonly values?: string } = {},
): Setting<number> {
  return {
    ...{ name, fallback, preset: `${fallback}`, values: `${min} to ${max}`, what, show: String, ...more },
    parse(given, as) {
      const number = Number(given);
      if (/^\d+$/.test(given) && number >= min && number <= max) return number;
      throw invalid(`${as} must be a whole number from ${min} to ${max}; it is ${JSON.stringify(given)}.`);
    },
  };
}

function orNone<T>(setting: Setting<T>): Setting<T | null> {
  return {
    ...setting,
    ...{ fallback: null, preset: NONE },
    show: (value) => (value === null ? NONE : setting.show(value)),
  };
}

/** `name=value,name=value`, values percent-encoded. A secret one is neither shown nor repeated. */
function pairs(name: string, what: string, kind?: 'secret'): Setting<Readonly<Record<string, string>>> {
  return {
    ...{ name, fallback: {}, preset: NONE, values: '`name=value`, separated by commas', what },
    parse(given, as) {
      const all = given.split(',').map((pair) => /^\s*([^\s=]+)\s*=(.*)$/.exec(pair));
      if (all.some((pair) => pair === null || /%(?![\da-f]{2})/i.test(pair[2]!))) {
        const what = kind === 'secret' ? '' : `; it is ${JSON.stringify(given)}`;
        throw invalid(`${as} must be name=value pairs, separated by commas, with % as %25${what}.`);
      }
      return Object.fromEntries(all.map((pair) => [pair![1]!, decode(pair![2]!.trim())]));
    },
    show(value) {
      const shown = Object.entries(value).map(([key, one]) => `${key}=${kind === 'secret' ? MASK : one}`);
      return shown.join(',') || NONE;
    },
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A limit of requests; null: none. */
function rate(name: string, fallback: string, what: string): Setting<Rate | null> {
  const values = 'rates such as `20/s burst 200`, `10/min`, `5/10min burst 3`, `1000/h`; `off`: no limit';
  return {
    ...{ name, fallback: readRate(fallback), preset: fallback, values, what },
    parse(given, as) {
      const read = given === 'off' ? null : readRate(given);
      if (read !== null || given === 'off') return read;
      throw invalid(
        `${as} must be off, or a rate such as "20/s burst 200" or "5/10min burst 5", of ${RATE_MAX} requests at most in 24 hours at most; it is ${JSON.stringify(given)}.`,
      );
    },
    show: (value) => (value === null ? 'off' : writeRate(value)),
  };
}

/** So many requests in a time, and so many of them at once. */
export interface Rate {
  readonly requests: number;
  readonly periodS: number;
  readonly burst: number;
}

/** Without a burst it is one of as many as come in the time. */
function readRate(text: string): Rate | null {
  const parts = /^([1-9]\d{0,6})\/([1-9]\d{0,4})?(s|min|h)(?: +burst +([1-9]\d{0,6}))?$/.exec(text.trim());
  if (parts === null) return null;
  const requests = Number(parts[1]);
  const periodS = Number(parts[2] ?? 1) * UNIT_S[parts[3] as keyof typeof UNIT_S];
  const burst = Number(parts[4] ?? requests);
  return Math.max(requests, burst) > RATE_MAX || periodS > PERIOD_S_MAX ? null : { requests, periodS, burst };
}

function writeRate({ requests, periodS, burst }: Rate): string {
  const [unit, unitS] = Object.entries(UNIT_S).find(([, seconds]) => periodS % seconds === 0)!;
  const count = periodS / unitS;
  return `${requests}/${count === 1 ? '' : count}${unit} burst ${burst}`;
}

/** Null: the backends' own default. */
function optional(name: string, min: number, max: number, what: string): Setting<number | null> {
  return {
    ...integer(name, min, min, max, what),
    ...{ fallback: null, preset: BY_BACKEND },
    show: (value) => (value === null ? BY_BACKEND : `${value}`),
  };
}

function fraction(name: string, fallback: number, what: string): Setting<number> {
  return {
    ...{ name, fallback, preset: `${fallback}`, values: '0 to 1', what, show: String },
    parse(given, as) {
      const number = Number(given);
      if (number >= 0 && number <= 1) return number;
      throw invalid(`${as} must be a number from 0 to 1; it is ${JSON.stringify(given)}.`);
    },
  };
}

/**
 * Checks the scheme, and the form of a plain URL; the backend's adapter reports other defects. The value may contain a
 * password, which, not escaped, ends the URL early or, by the clients' leniency, becomes another one.
 */
function url(name: string, schemes: readonly string[], what: string, form?: string): Setting<string | null> {
  return {
    ...{ name, fallback: null, preset: NONE, values: '', what, isSecret: true },
    parse(given, as) {
      if (!schemes.some((scheme) => given.startsWith(`${scheme}//`))) {
        const accepted = schemes.map((scheme) => `${scheme}//`).join(', ');
        throw invalid(`${as} must begin with ${accepted.replace(/, ([^,]*)$/, ' or $1')}.`);
      }
      if (form === undefined || (URL.canParse(given) && !/\s|%(?![\da-f]{2})/i.test(given))) return given;
      throw invalid(
        `${as} is not of the form ${form}; in a password write @ as %40, : as %3A, / as %2F and % as %25.`,
      );
    },
    show: (value) => (value === null ? NONE : withoutSecrets(value)),
  };
}

function secret(name: string, charsMin: number, what: string): Setting<string | null> {
  return {
    ...{
      name,
      fallback: null,
      preset: NONE,
      values: `at least ${charsMin} characters`,
      what,
      isSecret: true,
    },
    parse(given, as) {
      if (given.length < charsMin) throw invalid(`${as} must have at least ${charsMin} characters.`);
      if (/^[ -~]+$/.test(given)) return given;
      throw invalid(`${as} must have printable ASCII characters only, to be sent in a header.`);
    },
    show: (value) => (value === null ? NONE : MASK),
  };
}

/** The text between the user name and the last @ of a URL is a password, and so is a parameter named like a secret. */
export function withoutSecrets(address: string): string {
  return address
    .replace(/^([a-z+]+:\/\/[^:/@]*):.*@/i, `$1:${MASK}@`)
    .replace(
      /([?&][\w.-]*(?:password|passwd|secret|token|api_?key|credential|signature|auth)=)[^&#]*/gi,
      `$1${MASK}`,
    );
}
