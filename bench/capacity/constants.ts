import { AppError } from '../../src/domain/errors.ts';

/** The steps of a sale whose CPU time is known. */
export const STEPS = [
  'syncSold',
  'syncRefused',
  'asyncAccepted',
  'asyncRefused',
  'decided',
  'outcomeRead',
  'charged',
  'stockRead',
] as const;
export type Step = (typeof STEPS)[number];

/** Where CPU time is spent: in our own process (of the API or a worker), and in each backend. */
export const PLACES = ['process', 'postgres', 'redis', 'rabbitmq'] as const;
export type Cost = Readonly<Record<(typeof PLACES)[number], number>>;

/** Requests whose bytes were counted: heads and bodies, below TLS and TCP. */
const EXCHANGES = ['syncSold', 'syncRefused', 'asyncAccepted', 'asyncRefused', 'stockRead'] as const;

/** A measured point that the constants can be compared with: what was done, and the CPU time of all processes and backends. */
export interface Check {
  readonly name: string;
  readonly steps: Readonly<Partial<Record<Step, number>>>;
  readonly cpuMs: number;
}

/** What `pulsecart bench` measured. `pulsecart plan --calibrate` makes constants.json of its document. */
export interface Constants {
  readonly measured: {
    readonly commit: string;
    readonly machine: string;
    readonly engines: string;
    /** The command that measures it again. */
    readonly command: string;
    /** The load average before it began: what else ran there. */
    readonly loadBefore: number | null;
    /** How much of the machine its host gave to others meanwhile, in percent of one core, at most. */
    readonly stolenPct: number | null;
  };
  /** CPU time of each step, in µs. */
  readonly costUs: Readonly<Record<Step, Cost>>;
  readonly bytes: Readonly<Record<(typeof EXCHANGES)[number], { request: number; answer: number }>>;
  /** A live event to one viewer. */
  readonly event: { readonly bytes: number; readonly processUs: number };
  readonly memory: {
    readonly processMb: number;
    readonly connectionKb: number;
    readonly viewerKb: number;
  };
  /** Purchases of one product that were decided per second, the most that was measured. */
  readonly soldPerSPerProduct: number;
  /** CPU time of a decision with all backends, when a queue has piled up and batches are full; `costUs.decided` is without one. */
  readonly decidedInBacklogUs: number;
  /** Whole sales and others that the constants were not made of. */
  readonly checks: readonly Check[];
}

/** Reads a file of constants; throws `invalid_request`, naming what is wrong. */
export function readConstants(text: string, file: string): Constants {
  const value = parseObject(text, file);
  const wrong =
    STEPS.flatMap((step) => PLACES.map((place) => `costUs.${step}.${place}`))
      .concat(EXCHANGES.flatMap((one) => [`bytes.${one}.request`, `bytes.${one}.answer`]))
      .concat(['event.bytes', 'event.processUs', 'soldPerSPerProduct', 'decidedInBacklogUs'])
      .concat(['memory.processMb', 'memory.connectionKb', 'memory.viewerKb'])
      .find((path) => !isFigure(at(value, path))) ??
    ['commit', 'machine', 'engines', 'command']
      .map((name) => `measured.${name}`)
      .find((path) => typeof at(value, path) !== 'string') ??
    (Array.isArray(value.checks) ? undefined : 'checks');
  if (wrong !== undefined) {
    throw new AppError(
      'invalid_request',
      `${file} has no ${wrong}: it is not a file of constants, as \`pulsecart plan --calibrate\` makes them`,
    );
  }
  return value as unknown as Constants;
}

export function parseObject(text: string, file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new AppError('invalid_request', `${file} is not a JSON document`);
}

function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((inside, name) => (inside as Record<string, unknown> | undefined)?.[name], value);
}

/** Far above any cost in µs or rate per second, and far below what makes arithmetic infinite. */
const FIGURE_MAX = 1e9;

function isFigure(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= FIGURE_MAX;
}
