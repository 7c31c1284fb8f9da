import { describe, expect, test } from 'bun:test';
import { nextSaleChangeAt, saleState } from './product.ts';

const OPENS = 1_000;
const CLOSES = 2_000;

describe('a sale by the clock', () => {
  const window = { state: 'open', opensAt: OPENS, closesAt: CLOSES } as const;
  const rows = [
    [OPENS - 1, 'not_open', OPENS],
    [OPENS, 'open', CLOSES],
    [CLOSES - 1, 'open', CLOSES],
    [CLOSES, 'closed', null],
  ] as const;
  for (const [atMs, state, next] of rows) {
    test(`is ${state} at ${atMs}, and changes next at ${next}`, () => {
      expect(saleState(window, atMs)).toBe(state);
      expect(nextSaleChangeAt(window, atMs)).toBe(next);
    });
  }

  test('that is paused reads so only within its window', () => {
    const states = rows.map(([atMs]) => saleState({ ...window, state: 'paused' }, atMs));
    expect(states).toEqual(['not_open', 'paused', 'paused', 'closed']);
  });

  test('without times is open, and never changes', () => {
    const always = { state: 'open', opensAt: null, closesAt: null } as const;
    expect([saleState(always, 0), nextSaleChangeAt(always, 0)]).toEqual(['open', null]);
  });
});
