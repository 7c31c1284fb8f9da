import { expect, test } from 'bun:test';
import { runToEnd } from '../../tests/support/command.ts';

test.each([
  ['thrown in a timer', 'setTimeout(() => { throw error; })'],
  ['a promise that nobody awaits', 'Promise.reject(error)'],
])('a bug (%s) ends the process with its stack, and without what a client hung on it', async (_, fail) => {
  const script = `
    import { explainCrashes } from '${import.meta.dir}/crash.ts';
    explainCrashes();
    const error = Object.assign(new Error('no way to redis://:canary@cache:1'), { command: { args: ['canary'] } });
    ${fail};
    await new Promise((resolve) => setTimeout(resolve, 20_000));`;
  const { exit, stdout, stderr } = await runToEnd([process.execPath, '-e', script]);
  expect([exit, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^pulsecart: ended by a bug: Error: no way to redis:\/\/:\*\*\*@cache:1\n +at /);
  expect(stderr).not.toContain('canary');
});
