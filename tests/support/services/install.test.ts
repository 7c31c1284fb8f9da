import { describe, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aMachine, REDIS } from '../bare-machine.ts';

describe.skipIf(!REDIS)('a missing backend', () => {
  test('is installed by apt-get as root, and runs', async () => {
    using machine = aMachine();
    machine.addProgram('apt-get', 'exit 1');
    machine.addProgram('sudo', 'shift; exec "$@"');
    machine.addProgram('flock', `ln -s ${REDIS} ${machine.path}/redis-server`);
    const { exit, stdout, stderr } = await machine.run(START_AND_CLOSE);
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'redis://127.0.0.1\n' });
    expect(stderr).toBe('pulsecart: installing redis-server with apt-get; this is needed once\n');
    const script = join(import.meta.dir, 'install-packages.sh');
    expect(machine.calls('flock')).toEqual([`/usr/sbin sh ${script} /usr/sbin/policy-rc.d redis-server`]);
  });

  test('stays missing where that cannot be done, and the reason is said', async () => {
    using machine = aMachine();
    expect((await machine.run(INSTALL)).stderr).toBe('pulsecart: there is no apt-get that we may use\n');
    machine.addProgram('apt-get', 'exit 1');
    machine.addProgram('sudo', 'shift; exec "$@"');
    machine.addProgram('flock', 'echo no network >&2; exit 100');
    const { exit, stderr } = await machine.run(INSTALL);
    expect(exit).toBe(0);
    expect(stderr).toEndWith('pulsecart: apt-get could not install redis-server: no network\n');
  });
});

describe.skipIf(!REDIS)('install-packages.sh', () => {
  test('keeps services from starting while it installs, and only then', async () => {
    using machine = aMachine();
    machine.addProgram(
      'apt-get',
      'if [ "$1" = install ]; then sh policy some-service start; echo $? >> starts; fi',
    );
    for (const before of [null, '#!/bin/sh\nexit 104\n']) {
      if (before) writeFileSync(join(machine.path, 'policy'), before);
      const { exit } = await machine.install('redis-server', 'rabbitmq-server');
      expect(exit).toBe(0);
      expect(machine.read('policy')).toBe(before);
    }
    expect(machine.read('starts')).toBe('101\n101\n');
  });

  test('does not take for theirs what it left itself when it crashed', async () => {
    using machine = aMachine();
    machine.addProgram('apt-get', 'if [ "$1" = install ]; then kill -KILL $PPID; fi');
    expect((await machine.install('redis-server')).exit).toBe('SIGKILL');
    machine.addProgram('apt-get', '');
    expect((await machine.install('redis-server')).exit).toBe(0);
    expect(machine.read('policy')).toBe(null);
  });

  test('puts everything back when apt-get fails, and fails as well', async () => {
    using machine = aMachine();
    machine.addProgram('apt-get', 'exit 100');
    writeFileSync(join(machine.path, 'policy'), 'theirs');
    expect((await machine.install('redis-server')).exit).toBe(100);
    expect(machine.read('policy')).toBe('theirs');
    expect(machine.read('policy.before-pulsecart')).toBe(null);
  });
});

const INSTALL = `
  const { installMissing } = await import('${import.meta.dir}/install.ts');
  await installMissing(['redis-server']);`;
const START_AND_CLOSE = `${INSTALL}
  const { startPrivateBackend } = await import('${join(import.meta.dir, '..', '..', '..', 'bench', 'services', 'private-backends.ts')}');
  const backend = await startPrivateBackend('redis');
  console.log(backend.url.replace(/:\\d+\\/0/, ''));
  await backend.close();`;
