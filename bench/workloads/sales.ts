import { used } from '../cpu-meter.ts';
import { holdDemo } from '../demo-sale.ts';
import type { BackendsCpuMs, Environment, Environments } from '../environment.ts';
import type { ServerProcess } from '../server-process.ts';
import { type Effort, NOTHING, rounded, sumCounts, type WorkloadResult } from './result.ts';

/** Sales of different kinds, each well below saturation. */
const SALES = [
  { name: 'sync, every buyer buys', mode: 'sync', ratePerS: 6_000, unitsPerBuyer: 1 },
  { name: 'async, every buyer buys', mode: 'async', ratePerS: 6_000, unitsPerBuyer: 1 },
  { name: 'both ways, one buyer in a hundred buys', mode: 'both', ratePerS: 12_000, unitsPerBuyer: 0.01 },
] as const;
const SEED = 1;

/**
 * Whole sales with all of their processes, payments included, each on books of its own: the CPU time that they took, and how many
 * buyers went which way. A capacity model can be compared with them.
 */
export async function runSales(
  effort: Effort,
  environments: Pick<Environments, 'open'>,
): Promise<WorkloadResult> {
  const sales = [];
  for (const { name, mode, ratePerS, unitsPerBuyer } of SALES) {
    const environment = await environments.open();
    try {
      const users = Math.ceil(ratePerS * effort.seconds);
      const options = { users, units: Math.ceil(users * unitsPerBuyer), mode, rate: ratePerS, seed: SEED };
      const meter = meterSale(environment);
      const result = await holdDemo(options, meter.environment);
      const failed = result.verdicts.filter(({ pass }) => !pass);
      sales.push({ name, ...options, ...result, verdicts: failed, cpuMs: meter.cpuMs() });
    } finally {
      await environment.close();
    }
  }
  const described = sales.map(({ name, users, cpuMs }) => {
    if (cpuMs === null) return `${name}: unknown`;
    const allMs = cpuMs.processes + sumCounts(cpuMs.backends);
    return `${name}: ${rounded((allMs / users) * 1000, 1)} µs`;
  });
  return {
    ...NOTHING,
    workload: 'sales',
    errors: sales.reduce((sum, { errors, verdicts }) => sum + errors + verdicts.length, 0),
    sales,
    finding: `CPU time per buyer, of processes and backends: ${described.join('; ')}`,
  };
}

interface SaleCpu {
  readonly processes: number;
  readonly backends: BackendsCpuMs;
}

/** The environment, with a count of the CPU time from when its processes are ready until the first of them is stopped. */
function meterSale(environment: Environment): { environment: Environment; cpuMs(): SaleCpu | null } {
  const started: { readonly process: ServerProcess; readonly readyMs: number | undefined }[] = [];
  let backendsBefore: BackendsCpuMs | null = null;
  let measured: SaleCpu | null = null;

  function read(): void {
    if (measured !== null) return;
    const own = started.map(({ process, readyMs }) => (process.usage()?.cpuMs ?? Number.NaN) - readyMs!);
    const processes = own.reduce((sum, ms) => sum + ms, 0);
    if (Number.isNaN(processes)) return;
    measured = { processes, backends: used(backendsBefore, environment.backendsCpuMs()) };
  }
  async function metered(starting: Promise<ServerProcess>): Promise<ServerProcess> {
    const process = await starting;
    started.push({ process, readyMs: process.usage()?.cpuMs });
    backendsBefore = environment.backendsCpuMs();
    return {
      ...process,
      stop() {
        read();
        return process.stop();
      },
    };
  }
  const { distributed } = environment;
  return {
    environment: {
      ...environment,
      startServer: (...args) => metered(environment.startServer(...args)),
      distributed: distributed && {
        ...distributed,
        startWorker: (...args) => metered(distributed.startWorker(...args)),
      },
    },
    cpuMs: () => measured,
  };
}
