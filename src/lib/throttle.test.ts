import { afterEach, beforeEach, expect, jest, test } from 'bun:test';
import { createThrottle } from './throttle.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('the first goes through at once, of the next ones the last when its time has come', () => {
  const { throttle, heard } = scene();
  throttle.offer('a', 1);
  throttle.offer('a', 2);
  throttle.offer('a', 3);
  expect(heard).toEqual(['a1']);
  jest.advanceTimersByTime(49);
  expect(heard).toEqual(['a1']);
  jest.advanceTimersByTime(1);
  expect(heard).toEqual(['a1', 'a3']);
  jest.advanceTimersByTime(1_000);
  expect(heard).toEqual(['a1', 'a3']);
});

test('the pace is kept after one that waited, and forgotten after a pause', () => {
  const { throttle, heard } = scene();
  throttle.offer('a', 1);
  throttle.offer('a', 2);
  jest.advanceTimersByTime(50);
  throttle.offer('a', 3);
  expect(heard).toEqual(['a1', 'a2']);
  jest.advanceTimersByTime(50);
  expect(heard).toEqual(['a1', 'a2', 'a3']);
  jest.advanceTimersByTime(50);
  throttle.offer('a', 4);
  expect(heard.at(-1)).toBe('a4');
});

test('each key has its own pace', () => {
  const { throttle, heard } = scene();
  throttle.offer('a', 1);
  jest.advanceTimersByTime(30);
  throttle.offer('b', 1);
  throttle.offer('a', 2);
  throttle.offer('b', 2);
  jest.advanceTimersByTime(20);
  expect(heard).toEqual(['a1', 'b1', 'a2']);
  jest.advanceTimersByTime(30);
  expect(heard).toEqual(['a1', 'b1', 'a2', 'b2']);
});

test('what is offered while something goes through is not overtaken by what waited', () => {
  const heard: string[] = [];
  const throttle = createThrottle<string, number>(50, (key, value) => {
    heard.push(key + value);
    if (key === 'a' && value === 2) throttle.offer('b', 3);
  });
  throttle.offer('a', 1);
  throttle.offer('b', 1);
  throttle.offer('a', 2);
  throttle.offer('b', 2);
  jest.advanceTimersByTime(1_000);
  expect(heard).toEqual(['a1', 'b1', 'a2', 'b3']);
});

test('after closing nothing goes through', () => {
  const { throttle, heard } = scene();
  throttle.offer('a', 1);
  throttle.offer('a', 2);
  throttle.close();
  throttle.offer('b', 1);
  jest.advanceTimersByTime(1_000);
  expect(heard).toEqual(['a1']);
});

test('as many as the burst go through at once, and the one at the end says how many it stands for', () => {
  const { throttle, heard, leftOut } = scene(2);
  for (let i = 1; i <= 6; i++) throttle.offer('a', i);
  expect(heard).toEqual(['a1', 'a2']);
  jest.advanceTimersByTime(50);
  expect([heard, leftOut]).toEqual([
    ['a1', 'a2', 'a6'],
    [0, 0, 3],
  ]);
  throttle.offer('a', 7);
  throttle.offer('a', 8);
  expect(heard.slice(3)).toEqual(['a7']);
});

test('a flush passes on what waits, and intervals begin anew', () => {
  const { throttle, heard, leftOut } = scene();
  for (let i = 1; i <= 3; i++) throttle.offer('a', i);
  throttle.offer('b', 1);
  expect([throttle.has('a'), throttle.has('c'), throttle.size()]).toEqual([true, false, 2]);
  throttle.flush();
  expect([heard, leftOut]).toEqual([
    ['a1', 'b1', 'a3'],
    [0, 0, 1],
  ]);
  expect(throttle.size()).toBe(0);
  throttle.offer('a', 4);
  expect(heard.at(-1)).toBe('a4');
});

function scene(burst?: number) {
  const heard: string[] = [];
  const leftOut: number[] = [];
  const throttle = createThrottle<string, number>(
    50,
    (key, value, others) => {
      heard.push(key + value);
      leftOut.push(others);
    },
    burst,
  );
  return { throttle, heard, leftOut };
}
