import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { INSIDE_MAX } from '../../src/app/purchase/batcher.ts';
import { SETTINGS } from '../../src/settings.ts';
import { OPEN_PROFILES, openProfile } from '../profiles.ts';
import { assumed } from './assumptions.ts';
import { builtInConstants } from './built-in.ts';
import { ONE_PRODUCT } from './limits.ts';
import type { Ask } from './load.ts';
import { planCapacity } from './model.ts';
import { compareChecks } from './prediction.ts';
import { areaUntil, saleTimeline } from './timeline.ts';

const constants = builtInConstants();
const ROOT = join(import.meta.dir, '..', '..');

function ask(options: Partial<Ask> = {}): Ask {
  return {
    ...{ buyers: 100_000, minutes: 5, units: 1_000, mode: 'both', viewers: 0 },
    profile: openProfile('flash-crowd'),
    ...options,
  };
}

describe('a sale’s timeline', () => {
  const constant = openProfile('constant').arrivals;
  const sale = { buyers: 6_000, seconds: 60, units: 1_000, arrivals: constant, soldPerSMax: 1e9 };

  test('has all buyers, sells every unit, and refuses the rest', () => {
    for (const name of OPEN_PROFILES) {
      const { moments, momentS } = saleTimeline({ ...sale, arrivals: openProfile(name).arrivals });
      const all = (read: (moment: (typeof moments)[0]) => number) =>
        moments.reduce((sum, moment) => sum + read(moment) * momentS, 0);
      expect(all(({ arrivalsPerS }) => arrivalsPerS)).toBeCloseTo(6_000, 3);
      expect(all(({ soldPerS }) => soldPerS)).toBeCloseTo(1_000, 3);
      expect(all(({ refusedPerS }) => refusedPerS)).toBeCloseTo(5_000, 3);
    }
  });

  test('is sold out when as many came as there were units', () => {
    expect(saleTimeline(sale).soldOutAfterS).toBeCloseTo(10, 1);
    expect(saleTimeline({ ...sale, units: 6_001 }).soldOutAfterS).toBeNull();
  });

  test('lets buyers wait when one product cannot be decided about as fast as they come', () => {
    const slow = saleTimeline({ ...sale, units: 2_000, soldPerSMax: 50 });
    expect(slow.soldOutAfterS).toBeCloseTo(40, 1);
    expect(slow.waitingMax).toBeCloseTo(40 * 100 - 2_000, -1);
    expect(saleTimeline(sale).waitingMax).toBe(0);
  });

  test('has the peak of its arrival curve, which may jump', () => {
    const jump = [
      [0, 1],
      [0.5, 1],
      [0.5, 3],
      [1, 3],
    ] as const;
    expect(areaUntil(jump, 0.5)).toBeCloseTo(0.5);
    expect(areaUntil(jump, 1)).toBeCloseTo(2);
    const { moments } = saleTimeline({ ...sale, arrivals: jump });
    expect(moments[0]!.arrivalsPerS).toBeCloseTo(50, 6);
    expect(moments.at(-1)!.arrivalsPerS).toBeCloseTo(150, 6);
  });
});

describe('a plan', () => {
  test('never needs less for more buyers', () => {
    for (const name of OPEN_PROFILES) {
      for (const mode of ['sync', 'async', 'both'] as const) {
        const plans = [1e4, 1e5, 1e6, 1e7].map((buyers) =>
          planCapacity(ask({ buyers, mode, profile: openProfile(name) }), constants),
        );
        for (const [i, { apiProcesses, workers, postgresCores, balancerCores }] of plans.slice(1).entries()) {
          const smaller = plans[i]!;
          expect(apiProcesses).toBeGreaterThanOrEqual(smaller.apiProcesses);
          expect(workers).toBeGreaterThanOrEqual(smaller.workers);
          expect(postgresCores).toBeGreaterThanOrEqual(smaller.postgresCores);
          expect(balancerCores).toBeGreaterThanOrEqual(smaller.balancerCores);
        }
      }
    }
  });

  test('of a small sale is the stack as it is delivered, of a large one names what runs out', () => {
    const small = planCapacity(ask({ buyers: 10_000 }), constants);
    expect(small).toMatchObject({ apiProcesses: 2, workers: 2, firstBottleneck: null });
    const large = planCapacity(ask({ buyers: 10_000_000, units: 50_000 }), constants);
    expect(large.apiProcesses).toBeGreaterThan(20);
    expect(large.firstBottleneck!.name).toBe('open files of a balancer');
    expect(large.drivers[0]!.who).toBe('balancers');
    expect(large.drivers.reduce((sum, { pct }) => sum + pct, 0)).toBeWithin(97, 104);
  });

  test('says that one product cannot be decided about faster, whatever is added', () => {
    const units = 10_000_000;
    const { limits, lastLimit, waitingMax } = planCapacity(
      ask({ buyers: units, minutes: 1, units }),
      constants,
    );
    const product = limits.find(({ name }) => name === ONE_PRODUCT)!;
    expect(product.canGrow).toBe(false);
    expect(product.pct).toBeGreaterThan(100);
    expect(waitingMax).toBeGreaterThan(0);
    expect(lastLimit.pct).toBeGreaterThanOrEqual(product.pct);
  });

  test('counts live viewers in processes, files and bandwidth', () => {
    const none = planCapacity(ask(), constants);
    const many = planCapacity(ask({ viewers: 1_000_000 }), constants);
    expect(many.apiProcesses).toBeGreaterThanOrEqual(1_000_000 / assumed('streamsPerProcess'));
    expect(many.connections.toBalancers).toBe(none.connections.toBalancers + 1_000_000);
    expect(none.bandwidthMbps.liveOut).toBe(0);
    expect(many.bandwidthMbps.liveOut).toBe(
      Math.round((4_000_000 * (constants.event.bytes + assumed('wireBytes')) * 8) / 1e6),
    );
  });

  test('of one way has no cost of the other', () => {
    const sync = planCapacity(ask({ mode: 'sync', buyers: 1e7, units: 1e6 }), constants);
    const async = planCapacity(ask({ mode: 'async', buyers: 1e7, units: 1e6 }), constants);
    expect(sync.workers).toBe(2);
    expect(async.workers).toBeGreaterThan(2);
    expect(async.rabbitmqCoresPerNode).toBeGreaterThan(sync.rabbitmqCoresPerNode);
  });
});

test('assumptions that name a source in the project have its value', () => {
  const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
  expect(assumed('insideMax')).toBe(INSIDE_MAX);
  expect(assumed('streamsPerProcess')).toBe(SETTINGS.streams.fallback);
  expect(read('deploy/haproxy/haproxy.cfg')).toContain(`timeout http-keep-alive ${assumed('keepAliveS')}s`);
  expect(read('docs/operating/backends.md')).toContain(`LimitNOFILE=${assumed('filesPerProcess')}`);
  expect(read('docs/operating/backends.md')).toContain(`| PostgreSQL | up to ${assumed('poolPerProcess')} |`);
  expect(read('src/app/stream/stream.ts')).toContain(
    `PACE_FOR_MANY_MS = ${1000 / assumed('eventsPerViewerPerS')}`,
  );
});

/** A wider error would be a wrong model; docs/scale.md tells the real one. */
const ERROR_PCT_MAX = 50;

test('the constants predict what they were not made of: at least three measured points', () => {
  const checks = compareChecks(constants);
  expect(checks.length).toBeGreaterThanOrEqual(3);
  for (const { name, errorPct } of checks)
    expect({ name, isNear: Math.abs(errorPct) <= ERROR_PCT_MAX }).toEqual({ name, isNear: true });
});
