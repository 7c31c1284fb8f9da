import type { Constants } from '../capacity/constants.ts';
import { type Limit, ONE_PRODUCT } from '../capacity/limits.ts';
import type { Ask } from '../capacity/load.ts';
import type { Plan } from '../capacity/model.ts';
import { compareChecks } from '../capacity/prediction.ts';
import { count, plural } from '../text.ts';

/** A plan as text. */
export function planText(ask: Ask, plan: Plan, constants: Constants): string {
  const { measured } = constants;
  const { peak, connections, files, bandwidthMbps } = plan;
  const rows: [string, string][] = [
    [
      'at the peak',
      `${count(peak.purchasesPerS)} purchases/s, ${count(peak.readsPerS)} reads/s, ${count(peak.eventsPerS)} live events/s`,
    ],
    ['sold out', soldOut(plan)],
    ['API processes', count(plan.apiProcesses)],
    ['workers', count(plan.workers)],
    ['PostgreSQL', `${plural(plan.postgresCores, 'core')}, ${plural(connections.toPostgres, 'connection')}`],
    [
      'Redis',
      `${plural(plan.redisNodes, 'node')} (${plural(plan.redisCores, 'core')}), ${plural(connections.toRedis, 'connection')}`,
    ],
    [
      'RabbitMQ',
      `${plural(plan.rabbitmqNodes, 'node')} of ${plural(plan.rabbitmqCoresPerNode, 'core')}, ${plural(connections.toRabbitmq, 'connection')}`,
    ],
    [
      'balancers',
      `${plural(plan.balancerCores, 'core')}, ${plural(connections.toBalancers, 'connection')}, ${plural(files.balancers, 'open file')}`,
    ],
    [
      'each process',
      `${count(plan.memoryMbPerProcess)} MB, ${plural(connections.toEachProcess, 'connection')}, ${plural(files.eachProcess, 'open file')}`,
    ],
    [
      'bandwidth',
      `${rate(bandwidthMbps.in)} in, ${rate(bandwidthMbps.out)} out, ${rate(bandwidthMbps.liveOut)} of it live streams`,
    ],
    ['cores go to', plan.drivers.map(({ who, cores, pct }) => `${who} ${pct} % (${cores})`).join(', ')],
    [
      'first bottleneck',
      plan.firstBottleneck
        ? ofStack(plan.firstBottleneck)
        : 'none: the stack of docker-compose.yml carries it',
    ],
    ['one product', ofOneProduct(plan)],
    ['last limit', described(plan.lastLimit)],
  ];
  const { buyers, minutes, units, profile, mode, viewers } = ask;
  const title = `${plural(buyers, 'buyer')} in ${minutes} min, ${plural(units, 'unit')}, ${profile.name}, ${mode === 'both' ? 'sync and async' : mode}, ${plural(viewers, 'live viewer')}`;
  return [
    title,
    '',
    ...rows.map(([name, said]) => `${name.padEnd(18)}${said}`),
    '',
    `Estimated from costs measured at commit ${measured.commit} on ${measured.machine}.`,
    `${errorOf(constants)} docs/scale.md has the assumptions.`,
  ]
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n');
}

function errorOf(constants: Constants): string {
  const errors = compareChecks(constants).map(({ errorPct }) => errorPct);
  if (errors.length === 0) return 'They were compared with no other measurement.';
  return `CPU time was off by ${Math.min(...errors)} to ${Math.max(...errors)} % in ${errors.length} measurements that they were not made of.`;
}

function soldOut({ soldOutAfterS, waitingMax }: Plan): string {
  const when = soldOutAfterS === null ? 'not all units are' : `after ${soldOutAfterS} s`;
  return `${when}; at most ${plural(waitingMax, 'buyer waits', 'buyers wait')} for a decision`;
}

function ofStack({ name, need, have, unit, then }: Limit): string {
  return `${name}: ${count(need)} of ${count(have)} ${unit} in the stack of docker-compose.yml; ${then}`;
}

/** Where one product stops, whatever is added. */
function ofOneProduct({ limits }: Plan): string {
  return described(limits.find(({ name }) => name === ONE_PRODUCT)!);
}

function described({ name, need, have, unit, pct, then }: Limit): string {
  return `${name}: ${count(need)} of ${count(have)} ${unit}, ${pct} %${pct > 100 ? `; ${then}` : ''}`;
}

function rate(mbps: number): string {
  return mbps >= 1000 ? `${(mbps / 1000).toFixed(1)} Gbit/s` : `${mbps} Mbit/s`;
}
