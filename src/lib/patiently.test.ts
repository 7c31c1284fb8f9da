import { expect, test } from 'bun:test';
import { patiently } from './patiently.ts';

const any = (error: unknown): error is Error => error instanceof Error;

test('what works in a moment is waited for, and each cause is heard once', async () => {
  const failures = ['not there', 'not there', 'starting'];
  const heard: string[] = [];
  const work = async () => {
    const failure = failures.shift();
    if (failure) throw new Error(failure);
    return 'open';
  };
  expect(await patiently(work, 60_000, any, ({ message }) => heard.push(message))).toBe('open');
  expect(heard).toEqual(['not there', 'starting']);
});

test('what does not pass, or not in time, is said at once', async () => {
  let tries = 0;
  const work = async () => {
    tries++;
    throw new Error('no');
  };
  const none = (error: unknown): error is Error => any(error) && false;
  await expect(patiently(work, 60_000, none, () => {})).rejects.toThrow('no');
  await expect(patiently(work, 0, any, () => {})).rejects.toThrow('no');
  expect(tries).toBe(2);
});
