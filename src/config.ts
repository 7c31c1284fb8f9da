import { isIP } from 'node:net';
import { isLoopbackName } from './lib/address.ts';
import { inSchema } from './lib/database-url.ts';
import { usesDefaultCredentials } from './lib/default-credentials.ts';
import { type RatePolicy, ratePolicy } from './lib/gcra.ts';
import { createAddressRules } from './lib/public-address.ts';
import { weaknessOf } from './lib/weak-token.ts';
import {
  type Env,
  type Flags,
  invalid,
  openSettings,
  type Rate,
  SETTINGS,
  type Setting,
  withSecretFiles,
} from './settings.ts';

/** All settings, read once at start. Flags win over variables. */
export interface Config {
  /** TCP port; 0 lets the system choose. */
  readonly port: number;
  readonly host: string;
  /** Port of health and metrics; null: `serve` has them on its port, a worker not at all. */
  readonly managementPort: number | null;
  /** Server processes that share the port. */
  readonly instances: number;
  /** How long each of them may take to start. */
  readonly startTimeoutMs: number;
  /** Serves made-up requests against a store of its own before the first real one. */
  readonly warmsUp: boolean;
  /** The distributed backends; null: the embedded ones, in `dataFolder`. */
  readonly urls: BackendUrls | null;
  /** Prefix of every key and queue name, so that several shops can share a backend. */
  readonly namespace: string;
  readonly dataFolder: string;
  readonly mode: 'development' | 'production';
  /** Bearer token of admins; null: a development server makes its own, and trusts this machine to `init` and `reset`. */
  readonly operatorToken: string | null;
  /** File with operators who have a token each; null: there are none. */
  readonly operatorsFile: string | null;
  /** Origins whose pages may call buyers' routes; `*` alone: every one. */
  readonly corsOrigins: readonly string[];
  /** How buyers prove who they are; null: anybody may name any customer. */
  readonly auth: Auth | null;
  /** Production mode may run on the simulator of payments. */
  readonly simulatorAllowed: boolean;
  /** How long a start waits for a backend that cannot be reached. */
  readonly backendsWaitMs: number;
  /** Production mode may use backends without a password, or with one that documents show. */
  readonly defaultCredentialsAllowed: boolean;
  /** Production mode may reach backends without TLS over networks that are not its owner's. */
  readonly plainBackendsAllowed: boolean;
  /** Off: charges are queued and not carried out. */
  readonly runsPayments: boolean;
  /** Off: async purchases are queued and not decided. */
  readonly worker: boolean;
  readonly logLevel: LogLevel;
  /** Where the log goes; null: standard output. */
  readonly logFile: { readonly path: string; readonly bytesMax: number } | null;
  /** Log every request. */
  readonly logRequests: boolean;
  /** Null: no collector, no traces. */
  readonly traces: Traces | null;
  /** Networks in CIDR notation; from there `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** The longest time from a purchase's arrival to its answer. A sync purchase is decided within this time or not at all. */
  readonly purchaseTimeoutMs: number;
  /** How long an async purchase may wait before it ends as `too_old`. */
  readonly purchaseTtlMs: number;
  /** Retention. */
  readonly keep: Keep;
  /** How long a stopping server keeps answering, with `Connection: close`, so that its clients move over. */
  readonly drainMs: number;
  readonly streams: {
    /** Live viewers at once in this process; 0: none. */
    readonly max: number;
    /** Live viewers at once from one address; 0: no limit. */
    readonly perAddressMax: number;
  };
  /** Null: requests are not limited. */
  readonly limits: RatePolicies | null;
  readonly tuning: Tuning;
  /** How long an unanswered charge or refund rests before it is retried. */
  readonly paymentLeaseMs: number;
  readonly payments: SimulatedPayments;
  /** Null: payments are simulated. */
  readonly stripe: StripeSettings | null;
  /** Null: nobody is told of orders. */
  readonly webhooks: WebhookSettings | null;
  /** The effective value of each setting, in its written form and without secrets, by its variable. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Tokens of the shop that make a customer. */
export interface Auth {
  /** The key that they are checked with. */
  readonly key: { readonly jwksUrl: string } | { readonly secret: string } | { readonly file: string };
  /** Null: any. */
  readonly issuer: string | null;
  readonly audience: string | null;
  readonly claim: string;
  /** Names roles of operators; null: no token makes an operator. */
  readonly operatorClaim: string | null;
  readonly allowsAnonymous: boolean;
  readonly allowsGuests: boolean;
  readonly sessionMs: number;
}

/** The payment simulator's behaviour; rates are shares, 0 to 1. */
export interface SimulatedPayments {
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly timeoutMs: number;
  readonly declineRate: number;
  readonly timeoutRate: number;
  readonly errorRate: number;
  readonly duplicateRate: number;
  readonly tooLateRate: number;
  readonly outageRate: number;
}

/** The account at Stripe that takes the money. */
export interface StripeSettings {
  readonly secretKey: string;
  readonly publishableKey: string;
  readonly webhookSecrets: readonly string[];
  readonly timeoutMs: number;
  /** For tests; null: Stripe itself. */
  readonly url: string | null;
  /** The keys take real money. */
  readonly isLive: boolean;
}

/** Who is told of orders, and how. */
export interface WebhookSettings {
  readonly urls: readonly string[];
  readonly secrets: readonly string[];
  /** Networks that are not public, in which targets may be. */
  readonly networks: readonly string[];
  readonly retryMs: readonly number[];
  readonly timeoutMs: number;
}

export interface Keep {
  readonly outcomesMs: number;
  readonly keysMs: number;
  readonly auditLogMs: number;
  readonly deadLettersMs: number;
  readonly historyMs: number;
}

/** Where spans go, and which ones are made. */
export interface Traces {
  readonly url: string;
  readonly timeoutMs: number;
  readonly sampling: { readonly parentBased: boolean; readonly ratio: number };
  readonly resource: Readonly<Record<string, string>>;
  readonly queueMax: number;
  readonly batchMax: number;
  readonly delayMs: number;
  readonly exportTimeoutMs: number;
}

export interface BackendUrls {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly rabbitmqUrl: string;
}

/** Concurrency per process. Null: the backends' own default. */
export interface Tuning {
  /** Connections to PostgreSQL. */
  readonly databasePool: number | null;
  /** Batches of the purchase batcher at the ledger. */
  readonly purchaseBatches: number | null;
  /** Batches of queued purchases being decided. */
  readonly workerBatches: number | null;
  /** Messages of a queue delivered before the first is acknowledged. */
  readonly prefetch: number | null;
  /** Charges sent to the payment company and not yet recorded. */
  readonly chargesInFlight: number;
}

export type LogLevel = (typeof SETTINGS)['logLevel']['fallback'];
/** All three or none: a partial set would keep a part of the books elsewhere than its owner thinks. */
const BACKEND_SETTINGS = [SETTINGS.databaseUrl, SETTINGS.redisUrl, SETTINGS.rabbitmqUrl] as const;
const BACKEND_VARIABLES = BACKEND_SETTINGS.map(({ name }) => name);

/** Reads the environment; `flags` are command-line values for the variables of the same setting. */
export function readConfig(env: Env, flags: Flags = {}): Config {
  const config = readSettings(env, flags);
  const { mode, operatorToken, host } = config;
  const hasOthers = config.operatorsFile !== null || Boolean(config.auth?.operatorClaim);
  if (mode === 'production' && operatorToken === null && !hasOthers) {
    throw invalid(
      'PULSECART_OPERATOR_TOKEN is required in production mode, or PULSECART_OPERATORS_FILE or PULSECART_AUTH_OPERATOR_CLAIM instead.',
    );
  }
  requireStrongToken(config);
  requireNamedOrigins(config);
  // A development server makes a token itself, and trusts its own machine.
  if (mode === 'development' && operatorToken === null && !isLoopbackName(host)) {
    throw invalid(
      `PULSECART_OPERATOR_TOKEN is required to listen on ${host}, where others than this machine may ask.`,
    );
  }
  requireOwnManagementPorts(config);
  return withLeave(config);
}

/** A token that people try first is none, once the server is where people are. */
function requireStrongToken({ mode, operatorToken }: Config): void {
  const weakness = mode === 'production' && operatorToken !== null ? weaknessOf(operatorToken) : null;
  if (weakness !== null)
    throw invalid(
      `PULSECART_OPERATOR_TOKEN is too easy to guess for production mode: ${weakness}. \`openssl rand -hex 24\` makes a good one.`,
    );
}

/** Sessions of buyers are cookies, too: which pages may call with them is for their owner to say. */
function requireNamedOrigins({ corsOrigins, auth }: Config): void {
  if (auth === null || !corsOrigins.includes('*')) return;
  throw invalid(
    'PULSECART_CORS_ORIGINS must name each origin where buyers are known (PULSECART_AUTH_…); it is "*".',
  );
}

/** The public port, and those of management: one for a process alone, one more for each of several. */
function requireOwnManagementPorts({ port, managementPort, instances }: Config): void {
  if (!managementPort) return;
  const last = instances > 1 ? managementPort + instances : managementPort;
  const which =
    `PULSECART_MANAGEMENT_PORT ${instances > 1 ? `and the ${instances} ports after it` : ''}`.trim();
  if (last > 65_535) throw invalid(`${which} must not go beyond 65535; they go up to ${last}.`);
  if (port >= managementPort && port <= last)
    throw invalid(
      `${which} must differ from PORT, which is ${port}; ${instances > 1 ? `they are ${managementPort} to ${last}` : 'they are the same'}.`,
    );
}

/** For a process without operators' routes. */
export function readWorkerConfig(env: Env, flags: Flags = {}): Config {
  return withLeave(readSettings(env, flags));
}

/** Production mode refuses what is for trying out, unless its operator accepts that. */
function withLeave(config: Config): Config {
  const isMoneyReal = config.stripe?.isLive ?? false;
  if (config.mode !== 'production') {
    if (!isMoneyReal) return config;
    throw invalid(
      'PULSECART_STRIPE_SECRET_KEY takes real money, and this is a development server: use a key for tests, or PULSECART_MODE=production.',
    );
  }
  if (!isMoneyReal && !config.simulatorAllowed) {
    throw invalid(
      'Production mode takes no simulated payments, and no keys for tests: set PULSECART_PAYMENT_PROVIDER=stripe and live keys, or PULSECART_ALLOW_SIMULATED_PAYMENTS=on to accept that.',
    );
  }
  if (!config.defaultCredentialsAllowed && config.urls) {
    const { databaseUrl, redisUrl, rabbitmqUrl } = config.urls;
    const known = [databaseUrl, redisUrl, rabbitmqUrl].map(usesDefaultCredentials);
    const names = BACKEND_VARIABLES.filter((_, i) => known[i]);
    if (names.length > 0) {
      throw invalid(
        `Production mode does not start with credentials that anybody knows: ${names.join(' and ')} ${names.length === 1 ? 'has' : 'have'} none, or a default user's. Set others, or PULSECART_ALLOW_DEFAULT_CREDENTIALS=on to accept that.`,
      );
    }
  }
  return config;
}

/** Without the checks whether a server may start with them. */
function readSettings(given: Env, flags: Flags): Config {
  const env = withSecretFiles(given);
  const settings = openSettings(env, flags);
  const { read } = settings;
  const mode = read(SETTINGS.mode);
  const operatorToken = read(SETTINGS.operatorToken);
  const simulatorAllowed = read(SETTINGS.allowSimulatedPayments);
  const port = read(SETTINGS.port);
  const urls = backendUrls(env, read);
  const instances = read(SETTINGS.instances);
  if (instances > 1 && urls === null) {
    throw invalid(
      `${instances} instances need the distributed backends: set ${BACKEND_VARIABLES.join(', ')}. The embedded backends are for one process.`,
    );
  }
  const namespace = read(SETTINGS.namespace);
  const payments = simulatedPayments(read);
  const stripe = stripeSettings(read);
  const isLimited = read(SETTINGS.limits, mode === 'production');
  const rates = ratePolicies(read);
  const purchaseTtlMs = 1_000 * read(SETTINGS.purchaseTtlSeconds);
  return Object.freeze({
    port,
    managementPort: read(SETTINGS.managementPort),
    instances,
    startTimeoutMs: read(SETTINGS.startTimeoutMs),
    warmsUp: read(SETTINGS.warmUp, mode === 'production'),
    urls: urls && { ...urls, databaseUrl: inSchema(urls.databaseUrl, namespace) },
    namespace,
    trustedProxies: Object.freeze(read(SETTINGS.trustedProxies)),
    host: read(SETTINGS.host, mode === 'production' ? '0.0.0.0' : SETTINGS.host.fallback),
    dataFolder: read(SETTINGS.dataFolder),
    mode,
    operatorToken,
    operatorsFile: read(SETTINGS.operatorsFile),
    corsOrigins: Object.freeze(read(SETTINGS.corsOrigins)),
    auth: auth(env, read, mode),
    simulatorAllowed,
    backendsWaitMs: read(SETTINGS.backendsWaitMs),
    defaultCredentialsAllowed: read(SETTINGS.allowDefaultCredentials),
    plainBackendsAllowed: read(SETTINGS.allowPlainBackends),
    runsPayments: read(SETTINGS.runsPayments),
    worker: read(SETTINGS.worker),
    logLevel: read(SETTINGS.logLevel),
    logFile: logFile(read),
    logRequests: read(SETTINGS.logRequests),
    traces: traces(read),
    purchaseTimeoutMs: read(SETTINGS.purchaseTimeoutMs),
    purchaseTtlMs,
    keep: keep(env, read, purchaseTtlMs),
    drainMs: read(SETTINGS.drainMs),
    streams: Object.freeze({
      max: read(SETTINGS.streams),
      perAddressMax: read(SETTINGS.streamsPerAddress),
    }),
    limits: isLimited ? Object.freeze(rates) : null,
    tuning: Object.freeze({
      databasePool: read(SETTINGS.databasePool),
      purchaseBatches: read(SETTINGS.purchaseBatches),
      workerBatches: read(SETTINGS.workerBatches),
      prefetch: read(SETTINGS.prefetch),
      chargesInFlight: read(SETTINGS.chargesInFlight),
    }),
    paymentLeaseMs: paymentLeaseMs(read, payments, stripe),
    payments,
    stripe,
    webhooks: webhooks(read, mode),
    settings: settings.shown(),
  });
}

type Read = ReturnType<typeof openSettings>['read'];

const AUTH_KEYS = [SETTINGS.authJwksUrl, SETTINGS.authSecret, SETTINGS.authKeyFile] as const;
/** Who sets these means buyers to be known. */
const AUTH_RULES = [SETTINGS.authIssuer, SETTINGS.authAudience, SETTINGS.authOperatorClaim];

function auth(env: Env, read: Read, mode: Config['mode']): Auth | null {
  const [jwksUrl, secret, file] = AUTH_KEYS.map((setting) => read(setting));
  const rules = {
    issuer: read(SETTINGS.authIssuer),
    audience: read(SETTINGS.authAudience),
    claim: read(SETTINGS.authClaim),
    operatorClaim: read(SETTINGS.authOperatorClaim),
    allowsAnonymous: read(SETTINGS.authAnonymous) === 'allow',
    allowsGuests: read(SETTINGS.authGuests),
    sessionMs: 60_000 * read(SETTINGS.authSessionMinutes),
  };
  const names = AUTH_KEYS.map(({ name }) => name);
  const given = names.filter((name) => env[name]);
  if (given.length > 1) throw invalid(`${given.join(' and ')} exclude each other: set one of them.`);
  if (given.length === 0) {
    const rule = AUTH_RULES.find(({ name }) => env[name]);
    if (rule === undefined) return null;
    throw invalid(`${rule.name} is set, and no key to check tokens with: set one of ${names.join(', ')}.`);
  }
  if (secret) return Object.freeze({ key: Object.freeze({ secret }), ...rules });
  // Whoever may sign for other shops with the same keys would be a customer here.
  if (rules.issuer === null || rules.audience === null) {
    throw invalid(`${given[0]} needs PULSECART_AUTH_ISSUER and PULSECART_AUTH_AUDIENCE.`);
  }
  if (file) return Object.freeze({ key: Object.freeze({ file }), ...rules });
  const { protocol, hostname } = new URL(jwksUrl!);
  if (mode === 'production' && protocol === 'http:' && !isLoopbackName(hostname)) {
    throw invalid(
      'PULSECART_AUTH_JWKS_URL must begin with https:// in production mode: keys that anybody can change on their way prove nothing.',
    );
  }
  return Object.freeze({ key: Object.freeze({ jwksUrl: jwksUrl! }), ...rules });
}

type RatePolicies = Readonly<ReturnType<typeof ratePolicies>>;

function ratePolicies(read: Read) {
  return {
    'purchase-address': policyOf(read(SETTINGS.limitPurchaseAddress)),
    'purchase-customer': policyOf(read(SETTINGS.limitPurchaseCustomer)),
    'purchase-product': policyOf(read(SETTINGS.limitPurchaseProduct)),
    'cancel-product': policyOf(read(SETTINGS.limitCancelProduct)),
    'read-address': policyOf(read(SETTINGS.limitReadAddress)),
    'stream-address': policyOf(read(SETTINGS.limitStreamAddress)),
    'operator-address': policyOf(read(SETTINGS.limitOperatorAddress)),
    'sign-in-address': policyOf(read(SETTINGS.limitSignInAddress)),
  };
}

function policyOf(rate: Rate | null): RatePolicy | null {
  return rate && ratePolicy(rate.requests, rate.periodS * 1e6, rate.burst);
}

function logFile(read: Read): Config['logFile'] {
  const bytesMax = 1_000_000 * read(SETTINGS.logFileMb);
  const path = read(SETTINGS.logFile);
  return path === null ? null : Object.freeze({ path, bytesMax });
}

function traces(read: Read): Traces | null {
  const base = read(SETTINGS.otlpEndpoint);
  const whole = read(SETTINGS.otlpTracesEndpoint);
  read(SETTINGS.otlpProtocol);
  read(SETTINGS.otlpTracesProtocol);
  // The exporter reads these itself, and those that are about certificates and compression.
  read(SETTINGS.otlpHeaders);
  const resource = read(SETTINGS.resourceAttributes);
  const serviceName = read(SETTINGS.serviceName, resource['service.name'] ?? SETTINGS.serviceName.fallback);
  const queueMax = read(SETTINGS.spansQueued);
  const isOff = read(SETTINGS.otelDisabled) === 'true' || read(SETTINGS.tracesExporter) === 'none';
  const all = {
    timeoutMs: read(SETTINGS.otlpTimeoutMs),
    sampling: Object.freeze(sampling(read)),
    resource: Object.freeze({ ...resource, 'service.name': serviceName }),
    queueMax,
    batchMax: Math.min(queueMax, read(SETTINGS.spansPerPost)),
    delayMs: read(SETTINGS.spansDelayMs),
    exportTimeoutMs: read(SETTINGS.spansExportTimeoutMs),
  };
  const url = whole ?? (base && `${base.replace(/\/$/, '')}/v1/traces`);
  return url === null || isOff ? null : Object.freeze({ url, ...all });
}

function sampling(read: Read): Traces['sampling'] {
  const sampler = read(SETTINGS.tracesSampler);
  const arg = read(SETTINGS.tracesSamplerArg);
  const root = sampler.replace('parentbased_', '');
  return {
    parentBased: root !== sampler,
    ratio: root === 'traceidratio' ? arg : root === 'always_on' ? 1 : 0,
  };
}

/**
 * For maintenance commands without a server: an explicit folder wins over the backends in the variables.
 */
export function readStoreConfig(env: Env, data: string | undefined): Config {
  const config = readSettings(env, { data });
  return data === undefined ? config : Object.freeze({ ...config, urls: null });
}

/**
 * The environment of a child of ours that gets these values in place of its parent's, as a secret that came in a file comes as
 * itself.
 */
export function environmentWith(values: Env): Env {
  const files = Object.keys(values).map((name) => `${name}_FILE`);
  const inherited = Object.entries(process.env).filter(([name]) => !files.includes(name));
  return { ...Object.fromEntries(inherited), ...values };
}

/** The place of the books: a data folder, or a PostgreSQL database. */
export type BooksPlace = { readonly dataFolder: string } | { readonly databaseUrl: string };

/** For commands that need only the books, not a server's other settings. */
export function readBooksPlace(given: Env, data: string | undefined): BooksPlace {
  if (data !== undefined) return { dataFolder: data };
  const env = withSecretFiles(given);
  const { read } = openSettings(env);
  if (env.DATABASE_URL) {
    return { databaseUrl: inSchema(read(SETTINGS.databaseUrl)!, read(SETTINGS.namespace)) };
  }
  // Its owner uses the distributed backends, so the folder's books are not meant.
  backendUrls(env, read);
  return { dataFolder: read(SETTINGS.dataFolder) };
}

/** Set by the launcher, not by users. */
export const ENV_SOURCES = 'PULSECART_ENV_SOURCES';

/** The source file of each variable that the launcher (bin/env-file.mjs) has read from one. */
export function readEnvSources(env: Env): ReadonlyMap<string, string> {
  const sources = env[ENV_SOURCES]?.split(' ').map((source) => source.split('=')) ?? [];
  return new Map(sources.map(([name = '', file = '']) => [name, file]));
}

/** Where a command runs, as far as its output depends on it. */
export interface Surroundings {
  /** A terminal that cannot write over a line. */
  readonly isDumb: boolean;
  readonly hasColours: boolean;
  /** By `npm run` or `npm start`, which set this; `npx` and an installed command do not. */
  readonly isRunByNpm: boolean;
}

export function readSurroundings(env: Env): Surroundings {
  const isDumb = env.TERM === 'dumb';
  return {
    isDumb,
    hasColours: !isDumb && !env.NO_COLOR,
    isRunByNpm:
      ['run-script', 'run', 'start'].includes(env.npm_command ?? '') && env.npm_lifecycle_event !== undefined,
  };
}

/** Settings of a command that calls a running server. */
export interface Client {
  /** Scheme, host and port. */
  readonly url: string;
  readonly operatorToken: string | null;
  /** The folder with a local development server's own token; null: not read. */
  readonly dataFolder: string | null;
}

/** By default the server that `serve` starts here with the same settings. */
export function readClient(variables: Env, flags: { readonly url?: string | undefined } = {}): Client {
  const env = withSecretFiles(variables);
  const { read } = openSettings(env);
  const url = originOf(flags.url ?? `http://127.0.0.1:${portOf(read, SETTINGS.port)}`);
  const operatorToken = env.PULSECART_OPERATOR_TOKEN || null;
  if (operatorToken !== null && !/^[ -~]+$/.test(operatorToken)) {
    throw invalid(
      'PULSECART_OPERATOR_TOKEN must have printable ASCII characters only, to be sent in a header.',
    );
  }
  return { url, operatorToken, dataFolder: read(SETTINGS.dataFolder) };
}

/** For a command that mints tokens of buyers. */
export function readAuth(given: Env): Pick<Config, 'mode' | 'auth'> {
  const env = withSecretFiles(given);
  const { read } = openSettings(env);
  const mode = read(SETTINGS.mode);
  return { mode, auth: auth(env, read, mode) };
}

/** Where the same server's health is; no other setting counts. */
export function readHealthUrl(env: Env, flags: { readonly url?: string | undefined } = {}): string {
  const { read } = openSettings(env);
  const setting = env[SETTINGS.managementPort.name] ? SETTINGS.managementPort : SETTINGS.port;
  return originOf(flags.url ?? `http://127.0.0.1:${portOf(read, setting)}`);
}

function originOf(given: string): string {
  const parsed = URL.parse(given);
  if (parsed && /^https?:$/.test(parsed.protocol) && !parsed.username && parsed.pathname === '/')
    return parsed.origin;
  // It may contain a password, so it is not repeated.
  throw invalid('--url takes the address of a server, such as http://127.0.0.1:8080');
}

function portOf(read: Read, setting: Setting<number> | Setting<number | null>): number {
  const port = read<number | null>(setting as Setting<number | null>);
  if (port) return port;
  throw invalid(`${setting.name} is 0, which leaves the port to the server: name its address with --url`);
}

/** Derives unset values from set ones. */
const THIS_MACHINE = ['127.0.0.0/8', '::1/128'];

/** What the address says by itself is refused here; what its name leads to, at each request. */
function webhooks(read: Read, mode: Config['mode']): WebhookSettings | null {
  const urls = read(SETTINGS.webhookUrls);
  const secrets = read(SETTINGS.webhookSecret);
  const named = read(SETTINGS.webhookNetworks);
  const networks = mode === 'development' ? [...named, ...THIS_MACHINE] : named;
  const retryMs = read(SETTINGS.webhookRetrySeconds).map((seconds) => 1_000 * seconds);
  const timeoutMs = read(SETTINGS.webhookTimeoutMs);
  if (urls.length === 0) return null;
  if (secrets.length === 0) {
    throw invalid(
      'PULSECART_WEBHOOK_SECRET is required with PULSECART_WEBHOOK_URLS: what targets hear is signed.',
    );
  }
  const rules = createAddressRules(networks);
  for (const url of urls) {
    const { protocol, hostname, host } = new URL(url);
    const address = hostname === 'localhost' ? '127.0.0.1' : hostname.replace(/^\[(.*)\]$/, '$1');
    const refusal = isIP(address) === 0 ? null : rules.refusal(address);
    if (refusal) {
      throw invalid(
        `PULSECART_WEBHOOK_URLS: ${host} cannot be told: ${refusal}. PULSECART_WEBHOOK_NETWORKS allows others.`,
      );
    }
    const mayBeOpen = isIP(address) === 0 ? networks.length > 0 : rules.isAllowed(address);
    if (protocol !== 'https:' && !mayBeOpen) {
      throw invalid(
        `PULSECART_WEBHOOK_URLS: ${host} must be told by https://; without it only what is in PULSECART_WEBHOOK_NETWORKS may be.`,
      );
    }
  }
  return Object.freeze({ urls, secrets, networks, retryMs, timeoutMs });
}

function keep(env: Env, read: Read, ttlMs: number): Keep {
  const keysAsked = env[SETTINGS.keepKeysHours.name] ? read(SETTINGS.keepKeysHours) : null;
  const outcomes = read(
    SETTINGS.keepOutcomesHours,
    Math.max(SETTINGS.keepOutcomesHours.fallback, keysAsked ?? 0),
  );
  const keys = read(
    SETTINGS.keepKeysHours,
    Math.min(outcomes, Math.max(SETTINGS.keepKeysHours.fallback, Math.ceil(ttlMs / HOUR_MS))),
  );
  if (outcomes < keys) {
    throw invalid(
      'PULSECART_KEEP_OUTCOMES_HOURS must not be less than PULSECART_KEEP_KEYS_HOURS: a repeated key leads to an outcome.',
    );
  }
  if (keys * HOUR_MS < ttlMs) {
    throw invalid(
      'PULSECART_KEEP_KEYS_HOURS must not be less than PULSECART_PURCHASE_TTL_SECONDS: a purchase may wait that long.',
    );
  }
  return Object.freeze({
    outcomesMs: HOUR_MS * outcomes,
    keysMs: HOUR_MS * keys,
    auditLogMs: HOUR_MS * read(SETTINGS.keepAuditLogHours),
    deadLettersMs: HOUR_MS * read(SETTINGS.keepDeadLettersHours),
    historyMs: HOUR_MS * read(SETTINGS.keepHistoryHours),
  });
}

const HOUR_MS = 3_600_000;

/** A call must end before the next lease, even when its answer finds this process busy. */
const LEASE_MARGIN_MS = 500;

function paymentLeaseMs(read: Read, payments: SimulatedPayments, stripe: StripeSettings | null): number {
  const leaseMs = read(SETTINGS.paymentLeaseMs);
  const [name, { timeoutMs }] = stripe
    ? (['PULSECART_STRIPE_TIMEOUT_MS', stripe] as const)
    : (['PULSECART_SIMULATOR_TIMEOUT_MS', payments] as const);
  if (leaseMs < timeoutMs + LEASE_MARGIN_MS) {
    throw invalid(
      `PULSECART_PAYMENT_LEASE_MS must be at least ${LEASE_MARGIN_MS} more than ${name}, so that an ask is over before the next one; they are ${leaseMs} and ${timeoutMs}.`,
    );
  }
  return leaseMs;
}

function stripeSettings(read: Read): StripeSettings | null {
  const provider = read(SETTINGS.paymentProvider);
  const [secretKey] = read(SETTINGS.stripeSecretKey);
  const publishableKey = read(SETTINGS.stripePublishableKey);
  const webhookSecrets = read(SETTINGS.stripeWebhookSecret);
  const timeoutMs = read(SETTINGS.stripeTimeoutMs);
  const url = read(SETTINGS.stripeUrl);
  if (provider !== 'stripe') return null;
  const needed = [
    [SETTINGS.stripeSecretKey.name, secretKey],
    [SETTINGS.stripePublishableKey.name, publishableKey],
    [SETTINGS.stripeWebhookSecret.name, webhookSecrets[0]],
  ] as const;
  const missing = needed.filter(([, value]) => !value).map(([name]) => name);
  if (!secretKey || missing.length > 0) {
    throw invalid(`PULSECART_PAYMENT_PROVIDER=stripe needs ${missing.join(', ')}.`);
  }
  const isLive = secretKey.includes('_live_');
  if (publishableKey.includes('_live_') !== isLive) {
    throw invalid(
      'PULSECART_STRIPE_SECRET_KEY and PULSECART_STRIPE_PUBLISHABLE_KEY must be both for tests, or both live.',
    );
  }
  if (url !== null && !isLoopbackName(new URL(url).hostname)) {
    throw invalid('PULSECART_STRIPE_URL is for tests, and must lead to this machine.');
  }
  return Object.freeze({ secretKey, publishableKey, webhookSecrets, timeoutMs, url, isLive });
}

function simulatedPayments(read: Read): SimulatedPayments {
  const rates = {
    declineRate: read(SETTINGS.simulatorDeclineRate),
    timeoutRate: read(SETTINGS.simulatorTimeoutRate),
    errorRate: read(SETTINGS.simulatorErrorRate),
    duplicateRate: read(SETTINGS.simulatorDuplicateRate),
    tooLateRate: read(SETTINGS.simulatorTooLateRate),
  };
  // Each charge has one outcome. A millionth more allows for rounding.
  if (Object.values(rates).reduce((sum, rate) => sum + rate) > 1.000_001) {
    throw invalid(
      'PULSECART_SIMULATOR_DECLINE_RATE, _TIMEOUT_RATE, _ERROR_RATE, _DUPLICATE_RATE and _TOO_LATE_RATE must not add up to more than 1.',
    );
  }
  return Object.freeze({
    latencyMs: read(SETTINGS.simulatorLatencyMs),
    jitterMs: read(SETTINGS.simulatorJitterMs),
    timeoutMs: read(SETTINGS.simulatorTimeoutMs),
    ...rates,
    outageRate: read(SETTINGS.simulatorOutageRate),
  });
}

function backendUrls(env: Env, read: Read): BackendUrls | null {
  const missing = BACKEND_VARIABLES.filter((name) => !env[name]);
  if (missing.length > 0 && missing.length < BACKEND_VARIABLES.length) {
    const set = BACKEND_VARIABLES.filter((name) => env[name]);
    throw invalid(
      `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing: ${set.join(' and ')} ${set.length === 1 ? 'is' : 'are'} set, ` +
        'and the distributed backends go together. Set all three, or none for the embedded backends.',
    );
  }
  const [databaseUrl, redisUrl, rabbitmqUrl] = BACKEND_SETTINGS.map((setting) => read(setting));
  return databaseUrl && redisUrl && rabbitmqUrl
    ? Object.freeze({ databaseUrl, redisUrl, rabbitmqUrl })
    : null;
}
