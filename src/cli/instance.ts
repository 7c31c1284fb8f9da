import { AppError } from '../domain/errors.ts';
import { ownProgram } from '../lib/own-program.ts';
import type { Family } from '../telemetry/families.ts';
import { createAsks, type MetricsMessage } from './instance-metrics.ts';

/** One of a supervisor's server processes. */
export interface Instance {
  readonly pid: number;
  /** Resolves once it takes requests. Rejects when it ends before, or is killed for taking too long. */
  readonly ready: Promise<Addresses>;
  readonly isReady: boolean;
  readonly ended: Promise<Exit>;
  /** What it has counted, where it still told that at its end. */
  readonly counted: Promise<readonly Family[]>;
  /** True once it was asked to stop. */
  readonly isLeaving: boolean;
  /** Its metrics. Rejects when it does not answer within a second. */
  metrics(): Promise<readonly Family[]>;
  /** Answers a scrape that came to it. */
  tell(message: MetricsMessage): void;
  /** SIGTERM. An instance that was not ready has no work to finish: its exit status is 0, whatever ended it. */
  stop(): Promise<Exit>;
  /** Tells the instance that it was replaced; SIGKILL after a deadline. */
  replace(): Promise<Exit>;
}

/** The exit status, or the name of the signal that ended it. */
export type Exit = number | string;

/** An instance that ended with a status, not by a signal, wrote the reason to stderr. */
export class EndedEarly extends AppError {
  readonly exit: Exit;
  constructor(exit: Exit, message: string) {
    super('unavailable', message);
    this.exit = exit;
  }
}

/** Message from a supervisor to an instance. */
export const REPLACED = 'replaced';

/** Where an instance takes requests, and where it alone answers for its metrics and health. */
export interface Addresses {
  readonly url: URL;
  readonly managementUrl: URL | null;
}

/** Message from an instance to its supervisor, sent once: it takes requests at these addresses. */
interface ReadyMessage {
  readonly ready: string;
  readonly management: string | null;
}

/** Longer than an orderly shutdown, which has a deadline of its own. A process that is frozen would stay for ever. */
const LEAVE_TIMEOUT_MS = 15_000;

/** A scrape reads every figure within 550 ms. */
const METRICS_TIMEOUT_MS = 1_000;

export function tellSupervisor({ url, managementUrl }: Addresses): void {
  process.send?.({ ready: url.href, management: managementUrl?.href ?? null } satisfies ReadyMessage);
}

/** Resolves in an instance that was replaced. */
export function replaced(): Promise<typeof REPLACED> {
  return new Promise((resolve) => {
    process.on('message', (message) => message === REPLACED && resolve(REPLACED));
  });
}

export interface InstanceOptions {
  /** 0 takes any free port, also below. */
  readonly port: number;
  readonly managementPort: number | null;
  readonly startTimeoutMs: number;
  /** An instance was asked for the metrics of all, and waits for an answer under this number. */
  readonly onScrape: (instance: Instance, id: number) => void;
}

/** Spawns an instance. */
export function startInstance(argv: readonly string[], options: InstanceOptions): Instance {
  const { port, managementPort, startTimeoutMs, onScrape } = options;
  const ready = Promise.withResolvers<Addresses>();
  const counted = Promise.withResolvers<readonly Family[]>();
  let isReady = false;
  let isLeaving = false;
  const args = ['instance', ...argv, '--port', `${port}`, '--instances', '1'];
  const child = Bun.spawn(ownProgram(args, process.execArgv), {
    env: {
      ...process.env,
      ...(managementPort !== null && { PULSECART_MANAGEMENT_PORT: `${managementPort}` }),
    },
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
    ipc(message: ReadyMessage | MetricsMessage) {
      if ('ready' in message) {
        isReady = true;
        clearTimeout(timer);
        const { management } = message;
        ready.resolve({
          url: new URL(message.ready),
          managementUrl: management ? new URL(management) : null,
        });
      } else if ('wanted' in message) onScrape(instance, message.id);
      else if ('counted' in message) counted.resolve(message.counted);
      else asks.answer(message.id, message.families);
    },
  });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, startTimeoutMs);
  const ended = child.exited.then((code) => child.signalCode ?? code);
  void ended.then((exit) => {
    clearTimeout(timer);
    const how = isLate
      ? `was not ready within ${startTimeoutMs} ms`
      : `ended with ${exit} before it was ready`;
    ready.reject(new EndedEarly(exit, `An instance ${how}.`));
  });

  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const tell = (message: MetricsMessage) => void child.send(message);
  const asks = createAsks(
    (id) => tell({ wanted: 'own', id }),
    METRICS_TIMEOUT_MS,
    () => new AppError('unavailable', `An instance did not answer a scrape within ${METRICS_TIMEOUT_MS} ms.`),
  );

  const instance: Instance = {
    pid: child.pid,
    ready: ready.promise,
    get isReady() {
      return isReady;
    },
    ended,
    counted: counted.promise,
    metrics: async () => asks.ask(),
    tell(message) {
      if (hasEnded()) return;
      tell(message);
    },
    get isLeaving() {
      return isLeaving;
    },
    async stop() {
      isLeaving = true;
      child.kill('SIGTERM');
      const exit = await ended;
      return isReady ? exit : 0;
    },
    async replace() {
      isLeaving = true;
      const killing = setTimeout(() => child.kill('SIGKILL'), LEAVE_TIMEOUT_MS);
      // It may have ended while its replacement started.
      if (!hasEnded()) child.send(REPLACED);
      return ended.finally(() => clearTimeout(killing));
    },
  };
  return instance;
}
