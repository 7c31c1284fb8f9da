import { expect, test } from 'bun:test';
import { type CpuProfile, costsOf } from './cpu-profile.ts';

const frame = (id: number, functionName: string, url: string, lineNumber: number, children?: number[]) => ({
  id,
  callFrame: { functionName, url, lineNumber },
  ...(children && { children }),
});
const nodes = [
  frame(1, '', '', -1),
  frame(2, 'sell', 'file:///shop/src/sell.ts', 9, [7]),
  // The same function, called from elsewhere.
  frame(3, 'sell', 'file:///shop/src/sell.ts', 9),
  frame(4, 'parse', '', -1),
  frame(5, 'query', '/shop/node_modules/pg/lib/client.js', 0),
  frame(6, '', 'file:///shop/src/sell.ts', 20),
  // Of the runtime, and called by one of those.
  frame(7, 'bound', '', 0, [8]),
  frame(8, 'stringify', '', -1),
];
/** Nine samples from 1,000 µs on, with a rest of 5 ms before the last one. */
const profile: CpuProfile = {
  nodes,
  startTime: 1_000,
  samples: [1, 1, 2, 3, 4, 5, 6, 8, 2],
  timeDeltas: [0, 100, 100, 100, 100, 100, 100, 100, 5_000],
};
const names = (costs: readonly { name: string; us: number }[]) =>
  Object.fromEntries(costs.map(({ name, us }) => [name, us]));

test('a request costs what its samples stand for, and the rest of the time is outside of JavaScript', () => {
  const costs = costsOf(profile, { fromUs: 1_150, toUs: 9_000, cpuMs: 1, requests: 10 }, '/shop');
  expect(names(costs.functions)).toEqual({
    'sell src/sell.ts:10': 30,
    'parse (runtime)': 10,
    'stringify in src/sell.ts': 10,
    'query pg/lib/client.js:1': 10,
    'src/sell.ts:21': 10,
  });
  expect(costs.functions[0]!.name).toBe('sell src/sell.ts:10');
  expect(names(costs.files)).toEqual({ 'src/sell.ts': 50, '(runtime)': 10, pg: 10 });
  expect(costs.outsideUs).toBe(30);
});

test('samples of a thread that waited for a core count for no more than it used', () => {
  const costs = costsOf(profile, { fromUs: 0, toUs: 9_000, cpuMs: 0.45, requests: 1 }, '/shop');
  expect(names(costs.files)).toEqual({ 'src/sell.ts': 250, '(runtime)': 150, pg: 50 });
  expect(costs.outsideUs).toBe(0);
});

test('without a sample all of the time is outside of JavaScript', () => {
  const costs = costsOf(profile, { fromUs: 0, toUs: 1, cpuMs: 1, requests: 10 }, '/shop');
  expect(costs).toEqual({ functions: [], files: [], outsideUs: 100 });
});
