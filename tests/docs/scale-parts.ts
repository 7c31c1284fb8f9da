import { ASSUMPTIONS } from '../../bench/capacity/assumptions.ts';
import { builtInConstants } from '../../bench/capacity/built-in.ts';
import { PLACES, STEPS, type Step } from '../../bench/capacity/constants.ts';
import { planCapacity } from '../../bench/capacity/model.ts';
import { compareChecks } from '../../bench/capacity/prediction.ts';
import { openProfile } from '../../bench/profiles.ts';
import { table } from './markdown.ts';

/** The parts of docs/scale.md that come from the measured constants, so that they are renewed with them. */
export const SCALE_PARTS = {
  'scale-sizes': sizes,
  'scale-bottlenecks': bottlenecks,
  'scale-measured': measured,
  'scale-costs': costs,
  'scale-checks': checks,
  'scale-assumptions': assumptions,
};

const constants = builtInConstants();
const SIZES = [10_000, 100_000, 1_000_000, 10_000_000];
/** One unit for two hundred buyers. */
const BUYERS_PER_UNIT = 200;
const MINUTES = 5;

const WHAT: Readonly<Record<Step, string>> = {
  syncSold: 'a sync purchase that buys (`sync-win`)',
  syncRefused: 'a sync purchase of what is sold out (`sync-soldout`)',
  asyncAccepted: 'an async purchase, queued (`async-accept`)',
  asyncRefused: 'an async purchase of what is sold out (`async-soldout`)',
  decided: 'the decision about a queued one, in a worker (`async-whole` less `async-accept`)',
  outcomeRead: 'the outcome, read by its buyer (the same)',
  charged: 'the charge of an order (`payments`)',
  stockRead: 'a read of stock (`stock-read`)',
};

function planOf(buyers: number) {
  const units = buyers / BUYERS_PER_UNIT;
  const profile = openProfile('flash-crowd');
  return planCapacity({ buyers, minutes: MINUTES, units, profile, mode: 'both', viewers: 0 }, constants);
}

function sizes(): string {
  return table(
    [
      'buyers',
      'units',
      'purchases/s at the peak',
      'API processes',
      'workers',
      'PostgreSQL cores',
      'Redis nodes',
      'RabbitMQ nodes × cores',
      'balancer cores',
      'buyers’ connections',
      'bandwidth in, out',
    ],
    SIZES.map((buyers) => {
      const plan = planOf(buyers);
      const { in: inwards, out } = plan.bandwidthMbps;
      return [
        count(buyers),
        count(buyers / BUYERS_PER_UNIT),
        count(plan.peak.purchasesPerS),
        count(plan.apiProcesses),
        count(plan.workers),
        count(plan.postgresCores),
        count(plan.redisNodes),
        `${plan.rabbitmqNodes} × ${plan.rabbitmqCoresPerNode}`,
        count(plan.balancerCores),
        count(plan.connections.toBalancers),
        `${count(inwards)}, ${count(out)} Mbit/s`,
      ];
    }),
  );
}

function bottlenecks(): string {
  return table(
    ['buyers', 'first bottleneck', 'then', 'exceeded next', 'most cores', 'closest to a limit that stays'],
    SIZES.map((buyers) => {
      const { firstBottleneck: first, limits, drivers, lastLimit: last } = planOf(buyers);
      const next = limits.filter(({ pct, name }) => pct > 100 && name !== first?.name);
      return [
        count(buyers),
        first ? `${first.name}: ${count(first.need)} of ${count(first.have)} ${first.unit}` : 'none',
        first?.then ?? '',
        next
          .toSorted((a, b) => b.pct - a.pct)
          .map(({ name, pct }) => `${name} (× ${(pct / 100).toFixed(1)})`)
          .join(', '),
        drivers
          .slice(0, 2)
          .map(({ who, pct }) => `${who} ${pct} %`)
          .join(', '),
        `${last.name}: ${last.pct} %`,
      ];
    }),
  );
}

function measured(): string {
  const { command, commit, machine, engines, loadBefore, stolenPct } = constants.measured;
  return [
    '```sh',
    command,
    '```',
    '',
    `Commit \`${commit}\`, ${machine}; ${engines}. The load average was ${loadBefore ?? '?'} before it began: what else ran there. The host took at most ${stolenPct ?? '?'} % of a core away.`,
  ].join('\n');
}

function costs(): string {
  const rows = STEPS.map((step) => {
    const cost = constants.costUs[step];
    const total = PLACES.reduce((sum, place) => sum + cost[place], 0);
    return [WHAT[step], ...PLACES.map((place) => `${cost[place]}`), total.toFixed(1)];
  });
  const { event, memory, bytes, soldPerSPerProduct, decidedInBacklogUs } = constants;
  return [
    table(['µs of CPU for', 'process', 'PostgreSQL', 'Redis', 'RabbitMQ', 'together'], rows),
    '',
    table(
      ['besides', 'measured', 'workload'],
      [
        ['decisions about one product', `${count(soldPerSPerProduct)} per second`, '`async-drain`'],
        [
          'a decision while a queue has piled up, with all backends',
          `${decidedInBacklogUs} µs`,
          '`async-drain`',
        ],
        [
          'a sync purchase, request and answer',
          `${bytes.syncSold.request} and ${bytes.syncSold.answer} bytes`,
          '`sync-win`',
        ],
        [
          'a read of stock, request and answer',
          `${bytes.stockRead.request} and ${bytes.stockRead.answer} bytes`,
          '`stock-read`',
        ],
        ['a live event to one viewer', `${event.bytes} bytes, ${event.processUs} µs`, '`live`'],
        ['memory of a process', `${memory.processMb} MB`, '`sync-win`'],
        ['memory of a connection with a request under way', `${memory.connectionKb} KB`, '`connections`'],
        ['memory of a live viewer', `${memory.viewerKb} KB`, '`live`'],
      ],
    ),
  ].join('\n');
}

function checks(): string {
  return table(
    ['measured', 'CPU time', 'predicted', 'error'],
    compareChecks(constants).map(({ name, measuredMs, predictedMs, errorPct }) => [
      name,
      `${count(measuredMs)} ms`,
      `${count(predictedMs)} ms`,
      `${errorPct > 0 ? '+' : ''}${errorPct} %`,
    ]),
  );
}

function assumptions(): string {
  return table(
    ['assumed', '', 'source'],
    Object.values(ASSUMPTIONS).map(({ value, what, source }) => [count(value), what, source]),
  );
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
