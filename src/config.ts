import { AppError } from './domain/errors.ts';
import { isLoopbackName } from './lib/address.ts';
import { inSchema } from './lib/database-url.ts';

/** Everything that can be set from outside, read once at start. Flags win over variables. */
export interface Config {
  /** TCP port; 0 lets the system choose. */
  readonly port: number;
  readonly host: string;
  /** Server processes that share the port. */
  readonly instances: number;
  /** How long each of them may take to start. */
  readonly startTimeoutMs: number;
  /** The production engines; null: the embedded ones, in `dataFolder`. */
  readonly engines: EngineUrls | null;
  /** In front of every key and queue name, so that several shops can share an engine. */
  readonly namespace: string;
  readonly dataFolder: string;
  readonly mode: 'development' | 'production';
  /** Bearer token of operators; null: a development server makes its own, and trusts this machine to `init` and `reset`. */
  readonly operatorToken: string | null;
  /** Production mode may run on the simulator of payments. */
  readonly simulatorAllowed: boolean;
  /** Off: charges are queued and nobody works them. */
  readonly settlement: boolean;
  /** Off: async purchases are queued and nobody decides them. */
  readonly worker: boolean;
  readonly logLevel: LogLevel;
  /** Log every request. */
  readonly logRequests: boolean;
  /** From a purchase's arrival to its answer, at most. A sync purchase is decided within this time or not at all. */
  readonly purchaseTimeoutMs: number;
  /** How long an async purchase may wait before it ends as `too_old`. */
  readonly purchaseTtlMs: number;
  /** How long what nobody needs any more is kept. */
  readonly keep: Keep;
  /** How long a stopping server goes on answering, with `Connection: close`, so that its clients move over. */
  readonly drainMs: number;
  readonly streams: {
    /** Live viewers at once in this process; 0: none. */
    readonly max: number;
    /** Live viewers at once from one address; 0: no limit. */
    readonly perAddressMax: number;
  };
  readonly tuning: Tuning;
  /** How long a charge or a refund is left alone that the payment company has not answered. */
  readonly paymentLeaseMs: number;
  readonly payments: SimulatedPayments;
}

/** What the payment simulator does; rates are shares, 0 to 1. */
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

export interface Keep {
  readonly outcomesMs: number;
  readonly keysMs: number;
  readonly operationsMs: number;
  readonly deadLettersMs: number;
}

export interface EngineUrls {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly rabbitmqUrl: string;
}

/** How much of each thing at once, per process. Null: what suits the engines. */
export interface Tuning {
  /** Connections to PostgreSQL. */
  readonly databasePool: number | null;
  /** Batches of the purchase batcher at the ledger. */
  readonly purchaseBatches: number | null;
  /** Batches of queued purchases being decided. */
  readonly workerBatches: number | null;
  /** Messages of a queue handed out before the first is acknowledged. */
  readonly prefetch: number | null;
  /** Charges asked of the payment company and not yet recorded. */
  readonly chargesInFlight: number;
}

export type LogLevel = (typeof LOG_LEVELS)[number];
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const OPERATOR_TOKEN_CHARS_MIN = 16;
const NAMESPACE = /^[a-z][a-z0-9_-]{0,39}$/;
/** The three go together: a partial set would keep a part of the books elsewhere than its owner thinks. */
const ENGINE_VARIABLES = ['DATABASE_URL', 'REDIS_URL', 'RABBITMQ_URL'] as const;
/**
 * At 300 ms per charge, as with a real provider, this many make about 6,600 orders/s; each costs about a kilobyte.
 */
const CHARGES_IN_FLIGHT = 2_000;
/** Buyers and balancers wait longer than this; an engine that needs it for a purchase is in trouble. */
const PURCHASE_TIMEOUT_MS = 3_000;
/** Requests that were just sent still find somebody; whoever waits at a terminal hardly notices. */
const DRAIN_MS = 1_000;
/** Each costs some kilobytes and a file descriptor. */
const STREAMS = 20_000;
/** Many people may share an address; one that takes a twentieth of all seats is no household. */
const STREAMS_PER_ADDRESS = 1_000;

interface Flags {
  readonly port?: string | undefined;
  readonly host?: string | undefined;
  readonly data?: string | undefined;
  readonly instances?: string | undefined;
}

/** Reads the environment; `flags` are command-line values for the variables of the same setting. */
export function readConfig(env: Readonly<Record<string, string | undefined>>, flags: Flags = {}): Config {
  const config = readSettings(env, flags);
  if (config.mode === 'production' && config.operatorToken === null) {
    throw invalid('PULSECART_OPERATOR_TOKEN is required in production mode.');
  }
  if (config.operatorToken === null && !isLoopbackName(config.host)) {
    throw invalid(
      `PULSECART_OPERATOR_TOKEN is required to listen on ${config.host}, where others than this machine may ask.`,
    );
  }
  return withLeaveToSimulate(config);
}

/** For a process that no operator can ask for anything. */
export function readWorkerConfig(
  env: Readonly<Record<string, string | undefined>>,
  flags: Flags = {},
): Config {
  return withLeaveToSimulate(readSettings(env, flags));
}

function withLeaveToSimulate(config: Config): Config {
  if (config.mode === 'production' && !config.simulatorAllowed) {
    throw invalid(
      'Production mode has only the simulated payment provider so far; set PULSECART_ALLOW_SIMULATED_PAYMENTS=on to accept that.',
    );
  }
  return config;
}

/** Whether a server may start with them is another question. */
function readSettings(env: Readonly<Record<string, string | undefined>>, flags: Flags): Config {
  const mode = oneOf('PULSECART_MODE', env.PULSECART_MODE, ['development', 'production'], 'development');
  const operatorToken = env.PULSECART_OPERATOR_TOKEN || null;
  if (operatorToken !== null && operatorToken.length < OPERATOR_TOKEN_CHARS_MIN) {
    throw invalid(`PULSECART_OPERATOR_TOKEN must have at least ${OPERATOR_TOKEN_CHARS_MIN} characters.`);
  }
  const simulatorAllowed = onOff(
    'PULSECART_ALLOW_SIMULATED_PAYMENTS',
    env.PULSECART_ALLOW_SIMULATED_PAYMENTS,
    false,
  );
  const port =
    flags.port === undefined
      ? integer('PORT', env.PORT, 8080, 0, 65_535)
      : integer('--port', flags.port, 0, 0, 65_535);
  const engines = engineUrls(env);
  const instances =
    flags.instances === undefined
      ? integer('PULSECART_INSTANCES', env.PULSECART_INSTANCES, 1, 1, INSTANCES_MAX)
      : integer('--instances', flags.instances, 1, 1, INSTANCES_MAX);
  if (instances > 1 && engines === null) {
    throw invalid(
      `${instances} instances need the production engines: set ${ENGINE_VARIABLES.join(', ')}. The embedded engines are for one process.`,
    );
  }
  const namespace = namespaceIn(env);
  const payments = simulatedPayments(env);
  return Object.freeze({
    port,
    instances,
    startTimeoutMs: integer(
      'PULSECART_START_TIMEOUT_MS',
      env.PULSECART_START_TIMEOUT_MS,
      30_000,
      1_000,
      600_000,
    ),
    engines: engines && { ...engines, databaseUrl: inSchema(engines.databaseUrl, namespace) },
    namespace,
    host: flags.host ?? (env.HOST || (mode === 'production' ? '0.0.0.0' : '127.0.0.1')),
    dataFolder: flags.data ?? (env.PULSECART_DATA || './data'),
    mode,
    operatorToken,
    simulatorAllowed,
    settlement: onOff('PULSECART_SETTLEMENT', env.PULSECART_SETTLEMENT, true),
    worker: onOff('PULSECART_WORKER', env.PULSECART_WORKER, true),
    logLevel: oneOf('PULSECART_LOG_LEVEL', env.PULSECART_LOG_LEVEL, LOG_LEVELS, 'info'),
    logRequests: onOff('PULSECART_LOG_REQUESTS', env.PULSECART_LOG_REQUESTS, false),
    purchaseTimeoutMs: integer(
      'PULSECART_PURCHASE_TIMEOUT_MS',
      env.PULSECART_PURCHASE_TIMEOUT_MS,
      PURCHASE_TIMEOUT_MS,
      500,
      30_000,
    ),
    purchaseTtlMs: purchaseTtlMs(env),
    keep: keep(env),
    drainMs: integer('PULSECART_DRAIN_MS', env.PULSECART_DRAIN_MS, DRAIN_MS, 0, 5_000),
    streams: Object.freeze({
      max: integer('PULSECART_STREAMS', env.PULSECART_STREAMS, STREAMS, 0, 1_000_000),
      perAddressMax: integer(
        'PULSECART_STREAMS_PER_ADDRESS',
        env.PULSECART_STREAMS_PER_ADDRESS,
        STREAMS_PER_ADDRESS,
        0,
        1_000_000,
      ),
    }),
    tuning: Object.freeze({
      databasePool: optional('PULSECART_DATABASE_POOL', env.PULSECART_DATABASE_POOL, 2, 100),
      purchaseBatches: optional('PULSECART_PURCHASE_BATCHES', env.PULSECART_PURCHASE_BATCHES, 1, 32),
      workerBatches: optional('PULSECART_WORKER_BATCHES', env.PULSECART_WORKER_BATCHES, 1, 32),
      prefetch: optional('PULSECART_PREFETCH', env.PULSECART_PREFETCH, 1, 10_000),
      chargesInFlight: integer(
        'PULSECART_CHARGES_IN_FLIGHT',
        env.PULSECART_CHARGES_IN_FLIGHT,
        CHARGES_IN_FLIGHT,
        1,
        100_000,
      ),
    }),
    paymentLeaseMs: paymentLeaseMs(env, payments),
    payments,
  });
}

function namespaceIn(env: Readonly<Record<string, string | undefined>>): string {
  const namespace = env.PULSECART_NAMESPACE || 'pulsecart';
  if (NAMESPACE.test(namespace)) return namespace;
  throw invalid(
    `PULSECART_NAMESPACE must be 1 to 40 of a-z, 0-9, _ and -, a letter first; it is ${JSON.stringify(namespace)}.`,
  );
}

/**
 * For commands that look after a service, and serve nobody: a folder that is named is meant, whatever engines the variables name.
 */
export function readStoreConfig(
  env: Readonly<Record<string, string | undefined>>,
  data: string | undefined,
): Config {
  const config = readSettings(env, { data });
  return data === undefined ? config : Object.freeze({ ...config, engines: null });
}

/** Where books are: a data folder, or a PostgreSQL database. */
export type BooksPlace = { readonly dataFolder: string } | { readonly databaseUrl: string };

/** For commands that need the books and nothing else: what else a server wants to be told does not concern them. */
export function readBooksPlace(
  env: Readonly<Record<string, string | undefined>>,
  data: string | undefined,
): BooksPlace {
  if (data !== undefined) return { dataFolder: data };
  if (env.DATABASE_URL) {
    return { databaseUrl: inSchema(databaseUrl(env.DATABASE_URL), namespaceIn(env)) };
  }
  // Its owner has engines, so the folder's books are not the ones that are meant.
  engineUrls(env);
  return { dataFolder: env.PULSECART_DATA || './data' };
}

/** What the launcher tells of its work; nobody sets it. */
export const ENV_SOURCES = 'PULSECART_ENV_SOURCES';

/** The file that each variable is from which the launcher (bin/env-file.mjs) has read from one. */
export function readEnvSources(
  env: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, string> {
  const sources = env[ENV_SOURCES]?.split(' ').map((source) => source.split('=')) ?? [];
  return new Map(sources.map(([name = '', file = '']) => [name, file]));
}

/** What a command needs that talks to a running server. */
export interface Client {
  /** Scheme, host and port. */
  readonly url: string;
  readonly operatorToken: string | null;
  /** Where a development server on this machine keeps its own token; null: it is not looked for. */
  readonly dataFolder: string | null;
}

/** By default the server that `serve` starts here with the same settings. */
export function readClient(
  env: Readonly<Record<string, string | undefined>>,
  flags: { readonly url?: string | undefined } = {},
): Client {
  const given = flags.url ?? `http://127.0.0.1:${integer('PORT', env.PORT, 8080, 1, 65_535)}`;
  const parsed = URL.parse(given);
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.username || parsed.pathname !== '/') {
    // It may hold a password, so it is not repeated.
    throw invalid('--url takes the address of a server, such as http://127.0.0.1:8080');
  }
  const operatorToken = env.PULSECART_OPERATOR_TOKEN || null;
  if (operatorToken !== null && !/^[ -~]+$/.test(operatorToken)) {
    throw invalid(
      'PULSECART_OPERATOR_TOKEN must have printable ASCII characters only, to be sent in a header.',
    );
  }
  return { url: parsed.origin, operatorToken, dataFolder: env.PULSECART_DATA || './data' };
}

/** What is not set follows from what is. */
function keep(env: Readonly<Record<string, string | undefined>>): Keep {
  const ttlMs = purchaseTtlMs(env);
  const hours = (name: string, value: string | undefined, min: number) =>
    optional(name, value, min, KEEP_HOURS_MAX);
  const askedKeys = hours('PULSECART_KEEP_KEYS_HOURS', env.PULSECART_KEEP_KEYS_HOURS, 24);
  const outcomes =
    hours('PULSECART_KEEP_OUTCOMES_HOURS', env.PULSECART_KEEP_OUTCOMES_HOURS, 24) ??
    Math.max(168, askedKeys ?? 0);
  const keys = askedKeys ?? Math.min(outcomes, Math.max(48, Math.ceil(ttlMs / HOUR_MS)));
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
    operationsMs:
      HOUR_MS * (hours('PULSECART_KEEP_OPERATIONS_HOURS', env.PULSECART_KEEP_OPERATIONS_HOURS, 24) ?? 8_760),
    deadLettersMs:
      HOUR_MS * (hours('PULSECART_KEEP_DEAD_LETTERS_HOURS', env.PULSECART_KEEP_DEAD_LETTERS_HOURS, 1) ?? 720),
  });
}

const HOUR_MS = 3_600_000;
/** Ten years: what is to be kept longer is for an archive. */
const KEEP_HOURS_MAX = 87_600;

function purchaseTtlMs(env: Readonly<Record<string, string | undefined>>): number {
  return (
    1000 * integer('PULSECART_PURCHASE_TTL_SECONDS', env.PULSECART_PURCHASE_TTL_SECONDS, 1800, 1, 604_800)
  );
}

function invalid(message: string): AppError {
  return new AppError('invalid_request', message);
}

const SIMULATOR_TIMEOUT_MS_MAX = 20_000;

/** An ask is over before the next one, also where its answer finds this process busy. */
const LEASE_MARGIN_MS = 500;

/** At its default an order is asked for many times within a hold of ten minutes, and a short disturbance is outlasted. */
function paymentLeaseMs(
  env: Readonly<Record<string, string | undefined>>,
  { timeoutMs }: SimulatedPayments,
): number {
  const leaseMs = integer(
    'PULSECART_PAYMENT_LEASE_MS',
    env.PULSECART_PAYMENT_LEASE_MS,
    30_000,
    1_000,
    300_000,
  );
  if (leaseMs < timeoutMs + LEASE_MARGIN_MS) {
    throw invalid(
      `PULSECART_PAYMENT_LEASE_MS must be at least ${LEASE_MARGIN_MS} more than PULSECART_SIMULATOR_TIMEOUT_MS, so that an ask is over before the next one; they are ${leaseMs} and ${timeoutMs}.`,
    );
  }
  return leaseMs;
}

function simulatedPayments(env: Readonly<Record<string, string | undefined>>): SimulatedPayments {
  const fates = {
    declineRate: fraction('PULSECART_SIMULATOR_DECLINE_RATE', env.PULSECART_SIMULATOR_DECLINE_RATE, 0),
    timeoutRate: fraction('PULSECART_SIMULATOR_TIMEOUT_RATE', env.PULSECART_SIMULATOR_TIMEOUT_RATE, 0),
    errorRate: fraction('PULSECART_SIMULATOR_ERROR_RATE', env.PULSECART_SIMULATOR_ERROR_RATE, 0),
    duplicateRate: fraction('PULSECART_SIMULATOR_DUPLICATE_RATE', env.PULSECART_SIMULATOR_DUPLICATE_RATE, 0),
    tooLateRate: fraction('PULSECART_SIMULATOR_TOO_LATE_RATE', env.PULSECART_SIMULATOR_TOO_LATE_RATE, 0),
  };
  // Each charge has one fate. A millionth more is what decimals cost.
  if (Object.values(fates).reduce((sum, rate) => sum + rate) > 1.000_001) {
    throw invalid(
      'PULSECART_SIMULATOR_DECLINE_RATE, _TIMEOUT_RATE, _ERROR_RATE, _DUPLICATE_RATE and _TOO_LATE_RATE must not add up to more than 1.',
    );
  }
  return Object.freeze({
    latencyMs: integer('PULSECART_SIMULATOR_LATENCY_MS', env.PULSECART_SIMULATOR_LATENCY_MS, 5, 0, 60_000),
    jitterMs: integer('PULSECART_SIMULATOR_JITTER_MS', env.PULSECART_SIMULATOR_JITTER_MS, 5, 0, 60_000),
    timeoutMs: integer(
      'PULSECART_SIMULATOR_TIMEOUT_MS',
      env.PULSECART_SIMULATOR_TIMEOUT_MS,
      2_000,
      1,
      SIMULATOR_TIMEOUT_MS_MAX,
    ),
    ...fates,
    outageRate: fraction('PULSECART_SIMULATOR_OUTAGE_RATE', env.PULSECART_SIMULATOR_OUTAGE_RATE, 0),
  });
}

/** More processes than this share nothing but trouble: there are not as many cores in a machine. */
const INSTANCES_MAX = 64;

function engineUrls(env: Readonly<Record<string, string | undefined>>): EngineUrls | null {
  const missing = ENGINE_VARIABLES.filter((name) => !env[name]);
  if (missing.length === ENGINE_VARIABLES.length) return null;
  if (missing.length > 0) {
    const set = ENGINE_VARIABLES.filter((name) => env[name]);
    throw invalid(
      `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing: ${set.join(' and ')} ${set.length === 1 ? 'is' : 'are'} set, ` +
        'and the production engines go together. Set all three, or none for the embedded engines.',
    );
  }
  return Object.freeze({
    databaseUrl: databaseUrl(env.DATABASE_URL!),
    redisUrl: url('REDIS_URL', env.REDIS_URL!, REDIS_SCHEMES),
    rabbitmqUrl: url('RABBITMQ_URL', env.RABBITMQ_URL!, ['amqp:', 'amqps:']),
  });
}

function databaseUrl(value: string): string {
  return url('DATABASE_URL', value, ['postgres:', 'postgresql:']);
}

const REDIS_SCHEMES = [
  'redis:',
  'rediss:',
  'redis+sentinel:',
  'rediss+sentinel:',
  'redis+cluster:',
  'rediss+cluster:',
];

/** Looks at the scheme alone: what else is wrong with it the engine's adapter says. The value may hold a password. */
function url(name: string, value: string, schemes: readonly string[]): string {
  if (!schemes.some((scheme) => value.startsWith(`${scheme}//`))) {
    const accepted = schemes.map((scheme) => `${scheme}//`).join(', ');
    throw invalid(`${name} must begin with ${accepted.replace(/, ([^,]*)$/, ' or $1')}.`);
  }
  return value;
}

function oneOf<const T extends string>(
  name: string,
  value: string | undefined,
  allowed: readonly T[],
  fallback: T,
): T {
  if (value === undefined || value === '') return fallback;
  const found = allowed.find((one) => one === value);
  if (found === undefined)
    throw invalid(`${name} must be one of ${allowed.join(', ')}; it is ${JSON.stringify(value)}.`);
  return found;
}

function onOff(name: string, value: string | undefined, fallback: boolean): boolean {
  return oneOf(name, value, ['on', 'off'], fallback ? 'on' : 'off') === 'on';
}

function integer(
  name: string,
  value: string | undefined,
  fallback: number,
  min: number,
  max: number,
): number {
  if (value === undefined || value === '') return fallback;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < min || number > max) {
    throw invalid(`${name} must be a whole number from ${min} to ${max}; it is ${JSON.stringify(value)}.`);
  }
  return number;
}

function optional(name: string, value: string | undefined, min: number, max: number): number | null {
  return value === undefined || value === '' ? null : integer(name, value, min, min, max);
}

function fraction(name: string, value: string | undefined, fallback: number): number {
  if (value === undefined || value === '') return fallback;
  const number = Number(value);
  if (!(number >= 0 && number <= 1))
    throw invalid(`${name} must be a number from 0 to 1; it is ${JSON.stringify(value)}.`);
  return number;
}
