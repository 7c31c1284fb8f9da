import { expect, test } from 'bun:test';
import { AppError } from '../domain/errors.ts';
import { createLiveFigures, type LiveFiguresDependencies } from './live-figures.ts';

const away = async () => {
  throw new AppError('unavailable', 'for the test');
};
const never = () => new Promise<never>(() => {});

function figures(changes: Partial<LiveFiguresDependencies> = {}) {
  return createLiveFigures({
    ledger: { asyncCounts: away, refundsDue: away, productsAfter: away },
    queue: { status: away },
    liveStats: { now: () => [] },
    pings: { db: async () => {}, rabbit: away, redis: never },
    engines: { db: 'PostgreSQL', rabbit: 'RabbitMQ', redis: 'Redis' },
    gateFigures: undefined,
    ...changes,
  });
}

test('a backend is up, down, or has not answered yet', async () => {
  expect(await figures().backends()).toEqual([
    { name: 'db', engine: 'PostgreSQL', up: true },
    { name: 'rabbit', engine: 'RabbitMQ', up: false },
    { name: 'redis', engine: 'Redis', up: null },
  ]);
});

test('what cannot be read is null, and the rest is told', async () => {
  const { now, refundsDue } = figures({
    ledger: { asyncCounts: away, refundsDue: away, productsAfter: async () => [] },
  });
  expect(await refundsDue()).toBeNull();
  expect(await now()).toMatchObject({
    total: { instances: 0, perSecond: { reserved: 0 }, times: { syncP99Ms: null } },
    backlog: { purchases: null, oldestAgeMs: null, paymentsOldestAgeMs: null },
    units: [],
  });
});

test('the gate is in use, bypassed, or a part of the process', () => {
  const gate = (isOpen: boolean) => figures({ gateFigures: { isOpen, openings: 1 } }).gate();
  expect([gate(false), gate(true), figures().gate()]).toEqual(['in use', 'bypassed', 'in process']);
});
