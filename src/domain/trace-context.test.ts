import { expect, test } from 'bun:test';
import { readTraceparent, writeTraceparent } from './trace-context.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

test('what is written is read again, as sampled', () => {
  const context = { traceId, spanId, state: 'shop=1' };
  expect(readTraceparent(writeTraceparent(context), 'shop=1')).toEqual({ ...context, sampled: true });
});

test('the last bit of the flags says whether the caller samples', () => {
  for (const [flags, sampled] of [
    ['00', false],
    ['01', true],
    ['02', false],
    ['ff', true],
  ] as const)
    expect(readTraceparent(`00-${traceId}-${spanId}-${flags}`)).toMatchObject({ sampled, state: '' });
});

test('a later version may say more, and the present one may not', () => {
  expect(readTraceparent(`01-${traceId}-${spanId}-01-more`)).toMatchObject({ traceId, spanId });
  expect(readTraceparent(`00-${traceId}-${spanId}-01-more`)).toBeNull();
});

test('anything else is no trace', () => {
  for (const text of [
    null,
    undefined,
    1,
    {},
    '',
    'x'.repeat(100_000),
    `ff-${traceId}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-0g`,
  ])
    expect(readTraceparent(text)).toBeNull();
});

test('a state that cannot be passed on is left out', () => {
  for (const state of ['x'.repeat(513), 'a=ü', 'a=\n', 7, null])
    expect(readTraceparent(`00-${traceId}-${spanId}-01`, state)?.state).toBe('');
});
