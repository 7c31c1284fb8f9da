import { AppError } from '../../src/domain/errors.ts';
import { rounded } from '../workloads/result.ts';
import { type Check, type Constants, type Cost, parseObject } from './constants.ts';

/** The workloads that constants are made of. */
const IN_OPEN_LOOP = ['sync-win', 'sync-soldout', 'async-accept', 'async-soldout', 'stock-read'];
const NEEDED = [...IN_OPEN_LOOP, 'async-drain', 'async-whole', 'payments', 'connections', 'live', 'sales'];
export const CALIBRATING_COMMAND = `npm run bench -- --engines production --open --json --workload ${NEEDED.join(',')}`;

/**
 * About how busy a plan makes a core. Costs are those at this part of saturation: with larger batches a purchase costs less, but
 * nobody runs a sale at saturation.
 */
const PLANNED_PCT = 50;

/** Makes constants from a document of `pulsecart bench --json`; throws `invalid_request`, naming what it lacks. */
export function calibrate(text: string, file: string): Constants {
  const document = parseObject(text, file);
  const { machine, commit, engines, results, seconds, rounds, loadBefore } =
    document as unknown as BenchDocument;
  if (!Array.isArray(results) || !engines?.ledger || !machine?.cpu)
    throw refused(`${file} is not a document of \`pulsecart bench --json\``);
  if (!engines.ledger.startsWith('postgresql'))
    throw refused(
      `${file} was measured on ${engines.ledger}; capacity is planned for the distributed backends: add --engines production`,
    );
  const missing = NEEDED.filter((name) => !results.some(({ workload }) => workload === name));
  if (missing.length > 0)
    throw refused(`${file} lacks the workloads ${missing.join(', ')}: run \`${CALIBRATING_COMMAND}\``);
  const figures = (workload: string) =>
    new Figures(results.find((result) => result.workload === workload)!, file);
  const [win, whole, live, connections] = [
    figures('sync-win'),
    figures('async-whole'),
    figures('live'),
    figures('connections'),
  ];
  const cost = (workload: string) => figures(workload).at(PLANNED_PCT).cost();
  const accepted = cost('async-accept');
  const both = whole.cost();
  return {
    measured: {
      commit: commit ?? 'unknown',
      machine: `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.os}, Bun ${machine.bun}`,
      engines: `${engines.ledger}, ${engines.gate}, ${engines.queue}`,
      command: `${CALIBRATING_COMMAND} --seconds ${seconds} --rounds ${rounds}`,
      loadBefore: loadBefore ?? null,
      stolenPct: results.reduce<number | null>(
        (most, { stolenPct }) => (typeof stolenPct === 'number' ? Math.max(most ?? 0, stolenPct) : most),
        null,
      ),
    },
    costUs: {
      syncSold: cost('sync-win'),
      syncRefused: cost('sync-soldout'),
      asyncAccepted: accepted,
      asyncRefused: cost('async-soldout'),
      // What a whole purchase costs beyond its acceptance: the worker's CPU and the backends' belong to the decision, the API's to the
      // reading of the outcome.
      decided: { ...less(both, accepted), process: whole.read('cpuWorkerUsPerRequest') },
      outcomeRead: { ...NOTHING_BEHIND, process: less(both, accepted).process },
      charged: figures('payments').cost(),
      stockRead: cost('stock-read'),
    },
    bytes: {
      syncSold: win.bytes(),
      syncRefused: figures('sync-soldout').bytes(),
      asyncAccepted: figures('async-accept').bytes(),
      asyncRefused: figures('async-soldout').bytes(),
      stockRead: figures('stock-read').bytes(),
    },
    event: { bytes: live.read('bytesPerEvent'), processUs: eventUs(live, win) },
    memory: {
      processMb: win.read('rssMb'),
      connectionKb: rounded(
        (Math.max(0, connections.read('rssMb') - connections.read('rssAloneMb')) * 1024) /
          connections.read('connections'),
        1,
      ),
      viewerKb: Math.max(0, live.read('kbPerIdleViewer')),
    },
    soldPerSPerProduct: figures('async-drain').read('requestsPerS'),
    decidedInBacklogUs: figures('async-drain').read('cpuTotalUsPerRequest'),
    checks: figures('sales').sales().map(wholeSale),
  };
}

interface Sale {
  readonly name: string;
  readonly answers: Readonly<Record<'sold' | 'refused' | 'confirmed' | 'rejected', number>>;
  readonly cpuMs: { readonly processes: number; readonly backends: Readonly<Record<string, number>> };
}

interface BenchDocument {
  readonly machine?: { cpu: string; cores: number; memoryGb: number; os: string; bun: string };
  readonly commit?: string | null;
  readonly engines?: { ledger?: string; gate: string; queue: string };
  readonly seconds: number;
  readonly rounds: number;
  readonly loadBefore?: number;
  readonly results?: readonly (Readonly<Record<string, unknown>> & { workload?: unknown })[];
}

const NOTHING_BEHIND = { postgres: 0, redis: 0, rabbitmq: 0 };

/** The figures of one workload. */
class Figures {
  readonly #result: Readonly<Record<string, unknown>>;
  readonly #file: string;
  readonly #where: string;

  constructor(result: Readonly<Record<string, unknown>>, file: string) {
    this.#result = result;
    this.#file = file;
    this.#where = `workload ${result.workload} of ${file}`;
    if ('failure' in result) throw refused(`${this.#where} could not be run: ${result.failure}`);
    if (result.errors !== 0) throw refused(`${this.#where} has ${result.errors} errors: measure it again`);
  }

  read(name: string): number {
    const value = this.#result[name];
    if (typeof value !== 'number')
      throw refused(`${this.#where} has no ${name}: measure it with this version, on Linux`);
    return value;
  }

  cost(): Cost {
    const { postgres, redis, rabbitmq } = this.#object('cpuEnginesUsPerRequest');
    if (postgres === undefined || redis === undefined || rabbitmq === undefined)
      throw refused(`${this.#where} does not tell what each backend used`);
    return { process: this.read('cpuServerUsPerRequest'), postgres, redis, rabbitmq };
  }

  /** The same workload where an open loop offered a part of what it can do. */
  at(sharePct: number): Figures {
    const levels = this.#result.levels as readonly Readonly<Record<string, unknown>>[] | undefined;
    const level = levels?.find((one) => one.sharePct === sharePct);
    if (!level) throw refused(`${this.#where} was not measured in an open loop: add --open`);
    return new Figures({ ...level, workload: this.#result.workload }, this.#file);
  }

  bytes(): { request: number; answer: number } {
    const { request, answer } = this.#object('bytes');
    if (request === undefined || answer === undefined) throw refused(`${this.#where} has no bytes`);
    return { request, answer };
  }

  sales(): readonly Sale[] {
    const sales = this.#result.sales as readonly Sale[] | undefined;
    if (!sales?.length || sales.some((sale) => !sale.answers || !sale.cpuMs?.backends))
      throw refused(`${this.#where} has no CPU time of its sales: measure it with this version, on Linux`);
    return sales;
  }

  #object(name: string): Readonly<Record<string, number>> {
    const value = this.#result[name];
    if (typeof value !== 'object' || value === null)
      throw refused(`${this.#where} has no ${name}: measure it with this version, on Linux`);
    return value as Readonly<Record<string, number>>;
  }
}

function wholeSale({ name, answers, cpuMs }: Sale): Check {
  const { sold, refused, confirmed, rejected } = answers;
  return {
    name: `a sale, ${name}`,
    steps: {
      syncSold: sold,
      syncRefused: refused,
      asyncAccepted: confirmed,
      asyncRefused: rejected,
      decided: confirmed,
      outcomeRead: confirmed + rejected,
      charged: sold + confirmed,
    },
    cpuMs: Object.values(cpuMs.backends).reduce((sum, ms) => sum + ms, cpuMs.processes),
  };
}

/** What is left of the server's CPU beside live viewers when its purchases are taken away. */
function eventUs(live: Figures, win: Figures): number {
  const serverUsPerS = live.read('cpuServerPct') * 1e4;
  const purchasesUsPerS = live.read('requestsPerS') * win.at(PLANNED_PCT).read('cpuServerUsPerRequest');
  return rounded(Math.max(0, serverUsPerS - purchasesUsPerS) / live.read('eventsPerS'), 1);
}

/** Never below nothing: two measurements of a noisy machine are subtracted. */
function less(whole: Cost, part: Cost): Cost {
  const rest = (place: keyof Cost) => rounded(Math.max(0, whole[place] - part[place]), 1);
  return {
    process: rest('process'),
    postgres: rest('postgres'),
    redis: rest('redis'),
    rabbitmq: rest('rabbitmq'),
  };
}

function refused(message: string): AppError {
  return new AppError('invalid_request', message);
}
