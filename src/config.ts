import { AppError } from './domain/errors.ts';

/** Everything that can be set from outside, read once at start. Flags win over variables. */
export interface Config {
  /** TCP port; 0 lets the system choose. */
  readonly port: number;
  readonly host: string;
  readonly dataFolder: string;
  readonly mode: 'development' | 'production';
  /** Bearer token of operators; null: operator calls only in development mode and from this machine. */
  readonly operatorToken: string | null;
  /** Off: charges are queued and nobody works them. */
  readonly settlement: boolean;
  /** Off: async purchases are queued and nobody decides them. */
  readonly worker: boolean;
  readonly logLevel: LogLevel;
  /** Log every request. */
  readonly logRequests: boolean;
  /** How long an async purchase may wait before it ends as `too_old`. */
  readonly purchaseTtlMs: number;
  readonly payments: { readonly latencyMs: number; readonly declineRate: number };
}

export type LogLevel = (typeof LOG_LEVELS)[number];
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const OPERATOR_TOKEN_CHARS_MIN = 16;

/** Reads the environment; `flags` are command-line values for the variables of the same setting. */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  flags: { port?: string | undefined; host?: string | undefined; data?: string | undefined } = {},
): Config {
  const mode = oneOf('PULSECART_MODE', env.PULSECART_MODE, ['development', 'production'], 'development');
  const operatorToken = env.PULSECART_OPERATOR_TOKEN || null;
  if (mode === 'production' && operatorToken === null) {
    throw invalid('PULSECART_OPERATOR_TOKEN is required in production mode.');
  }
  if (operatorToken !== null && operatorToken.length < OPERATOR_TOKEN_CHARS_MIN) {
    throw invalid(`PULSECART_OPERATOR_TOKEN must have at least ${OPERATOR_TOKEN_CHARS_MIN} characters.`);
  }
  const simulatorAllowed = onOff(
    'PULSECART_ALLOW_SIMULATED_PAYMENTS',
    env.PULSECART_ALLOW_SIMULATED_PAYMENTS,
    false,
  );
  if (mode === 'production' && !simulatorAllowed) {
    throw invalid(
      'Production mode has only the simulated payment provider so far; set PULSECART_ALLOW_SIMULATED_PAYMENTS=on to accept that.',
    );
  }
  const port =
    flags.port === undefined
      ? integer('PORT', env.PORT, 8080, 0, 65_535)
      : integer('--port', flags.port, 0, 0, 65_535);
  return Object.freeze({
    port,
    host: flags.host ?? (env.HOST || (mode === 'production' ? '0.0.0.0' : '127.0.0.1')),
    dataFolder: flags.data ?? (env.PULSECART_DATA || './data'),
    mode,
    operatorToken,
    settlement: onOff('PULSECART_SETTLEMENT', env.PULSECART_SETTLEMENT, true),
    worker: onOff('PULSECART_WORKER', env.PULSECART_WORKER, true),
    logLevel: oneOf('PULSECART_LOG_LEVEL', env.PULSECART_LOG_LEVEL, LOG_LEVELS, 'info'),
    logRequests: onOff('PULSECART_LOG_REQUESTS', env.PULSECART_LOG_REQUESTS, false),
    purchaseTtlMs:
      1000 * integer('PULSECART_PURCHASE_TTL_SECONDS', env.PULSECART_PURCHASE_TTL_SECONDS, 1800, 1, 604_800),
    payments: Object.freeze({
      latencyMs: integer('PULSECART_SIMULATOR_LATENCY_MS', env.PULSECART_SIMULATOR_LATENCY_MS, 5, 0, 60_000),
      declineRate: fraction('PULSECART_SIMULATOR_DECLINE_RATE', env.PULSECART_SIMULATOR_DECLINE_RATE, 0),
    }),
  });
}

function invalid(message: string): AppError {
  return new AppError('invalid_request', message);
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

function fraction(name: string, value: string | undefined, fallback: number): number {
  if (value === undefined || value === '') return fallback;
  const number = Number(value);
  if (!(number >= 0 && number <= 1))
    throw invalid(`${name} must be a number from 0 to 1; it is ${JSON.stringify(value)}.`);
  return number;
}
