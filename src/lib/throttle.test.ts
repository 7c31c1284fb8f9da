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

function scene() {
  const heard: string[] = [];
  const throttle = createThrottle<string, number>(50, (key, value) => heard.push(key + value));
  return { throttle, heard };
}
