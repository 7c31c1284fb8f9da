import type { Config } from '../config.ts';
import { withoutSchema } from '../lib/database-url.ts';

/** The settings as people give them: each variable's effective value, whatever it was given as. Secrets are masked. */
export function settingsOf(config: Config): Record<string, string> {
  const { engines, tuning, payments, keep, streams } = config;
  const onOff = (value: boolean) => (value ? 'on' : 'off');
  const hours = (ms: number) => `${ms / 3_600_000}`;
  const perEngine = (value: number | null) => (value === null ? 'by engine' : `${value}`);
  return {
    PORT: `${config.port}`,
    HOST: config.host,
    PULSECART_MODE: config.mode,
    PULSECART_OPERATOR_TOKEN: config.operatorToken === null ? 'none' : MASK,
    PULSECART_ALLOW_SIMULATED_PAYMENTS: onOff(config.simulatorAllowed),
    DATABASE_URL: engines ? withoutSecrets(withoutSchema(engines.databaseUrl)) : 'none',
    REDIS_URL: engines ? withoutSecrets(engines.redisUrl) : 'none',
    RABBITMQ_URL: engines ? withoutSecrets(engines.rabbitmqUrl) : 'none',
    PULSECART_DATA: config.dataFolder,
    PULSECART_INSTANCES: `${config.instances}`,
    PULSECART_START_TIMEOUT_MS: `${config.startTimeoutMs}`,
    PULSECART_NAMESPACE: config.namespace,
    PULSECART_WORKER: onOff(config.worker),
    PULSECART_SETTLEMENT: onOff(config.settlement),
    PULSECART_PURCHASE_TIMEOUT_MS: `${config.purchaseTimeoutMs}`,
    PULSECART_PURCHASE_TTL_SECONDS: `${config.purchaseTtlMs / 1000}`,
    PULSECART_KEEP_OUTCOMES_HOURS: hours(keep.outcomesMs),
    PULSECART_KEEP_KEYS_HOURS: hours(keep.keysMs),
    PULSECART_KEEP_OPERATIONS_HOURS: hours(keep.operationsMs),
    PULSECART_KEEP_DEAD_LETTERS_HOURS: hours(keep.deadLettersMs),
    PULSECART_DRAIN_MS: `${config.drainMs}`,
    PULSECART_DATABASE_POOL: perEngine(tuning.databasePool),
    PULSECART_PURCHASE_BATCHES: perEngine(tuning.purchaseBatches),
    PULSECART_WORKER_BATCHES: perEngine(tuning.workerBatches),
    PULSECART_PREFETCH: perEngine(tuning.prefetch),
    PULSECART_CHARGES_IN_FLIGHT: `${tuning.chargesInFlight}`,
    PULSECART_STREAMS: `${streams.max}`,
    PULSECART_STREAMS_PER_ADDRESS: `${streams.perAddressMax}`,
    PULSECART_LOG_LEVEL: config.logLevel,
    PULSECART_LOG_REQUESTS: onOff(config.logRequests),
    PULSECART_PAYMENT_LEASE_MS: `${config.paymentLeaseMs}`,
    PULSECART_SIMULATOR_LATENCY_MS: `${payments.latencyMs}`,
    PULSECART_SIMULATOR_JITTER_MS: `${payments.jitterMs}`,
    PULSECART_SIMULATOR_TIMEOUT_MS: `${payments.timeoutMs}`,
    PULSECART_SIMULATOR_DECLINE_RATE: `${payments.declineRate}`,
    PULSECART_SIMULATOR_TIMEOUT_RATE: `${payments.timeoutRate}`,
    PULSECART_SIMULATOR_ERROR_RATE: `${payments.errorRate}`,
    PULSECART_SIMULATOR_DUPLICATE_RATE: `${payments.duplicateRate}`,
    PULSECART_SIMULATOR_TOO_LATE_RATE: `${payments.tooLateRate}`,
    PULSECART_SIMULATOR_OUTAGE_RATE: `${payments.outageRate}`,
  };
}

/** Those that can be given as a flag as well. */
export const FLAG_OF: Readonly<Record<string, 'port' | 'host' | 'data' | 'instances'>> = {
  PORT: 'port',
  HOST: 'host',
  PULSECART_DATA: 'data',
  PULSECART_INSTANCES: 'instances',
};

const MASK = '***';

/** Whatever stands between the user name and the last @ of a URL is a password, and so is any parameter called like one. */
export function withoutSecrets(url: string): string {
  return url
    .replace(/^([a-z+]+:\/\/[^:/@]*):.*@/i, `$1:${MASK}@`)
    .replace(/([?&]\w*password=)[^&]*/gi, `$1${MASK}`);
}
