import { expect, test } from 'bun:test';
import { judgeFlush } from './flushall.ts';

/** A sale every 10 ms, each sent 20 ms before its answer. */
function steadySales(fromMs: number, toMs: number) {
  const sales = [];
  for (let at = fromMs; at <= toMs; at += 10) sales.push({ sentAtMs: at - 20, answeredAtMs: at });
  return sales;
}

test('a FLUSHALL that nobody notices takes as long as one purchase', () => {
  expect(judgeFlush(steadySales(0, 1000), 501, 502)).toEqual({
    againMs: 29,
    gapMs: 10,
    gapBeforeMs: 10,
    slowestMs: 20,
  });
});

test('sales under way at FLUSHALL do not count as sales after it', () => {
  const underWay = [{ sentAtMs: 495, answeredAtMs: 510 }];
  const stuck = [{ sentAtMs: 500, answeredAtMs: 640 }];
  const healed = [{ sentAtMs: 511, answeredAtMs: 645 }, ...steadySales(650, 900)];
  const heard = [...steadySales(0, 500), ...underWay, ...stuck, ...healed];
  expect(judgeFlush(heard, 501, 503)).toEqual({
    againMs: 144,
    gapMs: 130,
    gapBeforeMs: 10,
    slowestMs: 140,
  });
});

test('nobody buying again is a failure, not a figure', () => {
  expect(() => judgeFlush(steadySales(0, 500), 501, 502)).toThrow('no purchase succeeded after FLUSHALL');
});
