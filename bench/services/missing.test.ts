import { describe, expect, test } from 'bun:test';
import { aMachine, REDIS } from '../../tests/support/bare-machine.ts';
import { until } from '../../tests/support/until.ts';

describe.skipIf(!REDIS)('a missing backend', () => {
  test('is run by Docker', async () => {
    using machine = aMachine();
    machine.addDocker();
    const { exit, stdout, stderr } = await machine.run(CRASH_AND_PAUSE);
    const calls = machine
      .calls('docker')
      .map((call) => call.replace(/\d{4,}/g, 'N').replace(/-\d+-N/, '-N-N'));
    // Its guard removes the container of one that did not end by itself, too.
    expect({ exit, stdout, stderr, calls }).toMatchObject({ exit: 0, stdout: 'survived\n' });
    expect(calls).toEqual([
      'version',
      'image inspect redis:8',
      'pull redis:8',
      'run --detach --name pulsecart-redis-N-N --publish 127.0.0.1:N:N redis:8 redis-server --save  --appendonly no',
      'kill pulsecart-redis-N-N',
      'start pulsecart-redis-N-N',
      'pause pulsecart-redis-N-N',
      'unpause pulsecart-redis-N-N',
      'rm --force --volumes pulsecart-redis-N-N',
    ]);
  });

  test('leaves no container behind when its starter is killed', async () => {
    using machine = aMachine();
    machine.addDocker();
    await machine.run(START_AND_DIE);
    await until(() => machine.calls('docker').some((call) => call.startsWith('rm --force')));
  });

  test('is a clear message where there is no Docker', async () => {
    using machine = aMachine();
    const { exit, stdout } = await machine.run(SAY_WHY_NOT);
    expect(exit).toBe(0);
    expect(stdout).toBe(
      'unavailable: redis is needed and not here, and no Docker engine answers. ' +
        'Either run `sudo apt-get install redis-server`, or start Docker.\n',
    );
  });
});

const IMPORT = `const { startPrivateBackend } = await import('${import.meta.dir}/private-backends.ts');`;
const START_AND_DIE = `${IMPORT}
  await startPrivateBackend('redis');
  process.kill(process.pid, 'SIGKILL');`;
const CRASH_AND_PAUSE = `${IMPORT}
  const backend = await startPrivateBackend('redis');
  await backend.kill();
  await backend.restart();
  backend.pause();
  backend.resume();
  await backend.close();
  console.log('survived');`;
const SAY_WHY_NOT = `${IMPORT}
  await startPrivateBackend('redis').catch(({ code, message }) => console.log(code + ': ' + message));`;
