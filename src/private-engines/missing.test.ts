import { describe, expect, test } from 'bun:test';
import { chmodSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ended, runToEnd } from '../../test/support/command.ts';
import { temporaryFolder } from '../../test/support/folder.ts';
import { isRunning } from '../../test/support/processes.ts';
import { until } from '../../test/support/until.ts';

/**
 * Machines on which Redis is missing, in miniature: a folder that is the whole PATH, with stand-ins for the programs that
 * would change the real machine. What they are called with is written down.
 */

const REDIS = process.platform === 'linux' ? (Bun.which('redis-server') ?? Bun.which('valkey-server')) : null;
// Without it the tests are skipped: the stand-ins are for Linux and run a Redis.
/** What a Debian has without any package of ours, as far as it is used. */
const BASICS = ['sh', 'cat', 'chmod', 'ln', 'mv', 'rm', 'setpriv', 'true'];

describe.skipIf(!REDIS)('a missing engine', () => {
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

  test('is run by Docker where apt-get cannot install it', async () => {
    using machine = aMachine();
    machine.addProgram('apt-get', 'exit 1');
    machine.addProgram('sudo', 'exit 1');
    machine.addProgram('flock', 'echo no network >&2; exit 100');
    machine.addDocker();
    const { exit, stdout, stderr } = await machine.run(CRASH_AND_FREEZE);
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

  test('is a clear message where there is neither apt-get nor Docker', async () => {
    using machine = aMachine();
    const { exit, stdout } = await machine.run(SAY_WHY_NOT);
    expect(exit).toBe(0);
    expect(stdout).toBe(
      'unavailable: redis is needed and not here. Installing does not work: no apt-get that we may use, no Docker engine that ' +
        'answers. Either run `sudo apt-get install redis-server`, or start Docker. Tests do without under ' +
        'PULSECART_TEST_ENGINES=embedded.\n',
    );
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

const IMPORT = `const { startPrivateEngine } = await import('${import.meta.dir}/engines.ts');`;
const START_AND_CLOSE = `${IMPORT}
  const engine = await startPrivateEngine('redis');
  console.log(engine.url.replace(/:\\d+\\/0/, ''));
  await engine.close();`;
const START_AND_DIE = `${IMPORT}
  await startPrivateEngine('redis');
  process.kill(process.pid, 'SIGKILL');`;
const CRASH_AND_FREEZE = `${IMPORT}
  const engine = await startPrivateEngine('redis');
  await engine.kill();
  await engine.restart();
  engine.freeze();
  engine.thaw();
  await engine.close();
  console.log('survived');`;
const SAY_WHY_NOT = `${IMPORT}
  await startPrivateEngine('redis').catch(({ code, message }) => console.log(code + ': ' + message));`;

interface Machine extends Disposable {
  /** The folder that is its PATH. */
  readonly path: string;
  addProgram(name: string, script: string): void;
  /** A Docker whose only image is a Redis. */
  addDocker(): void;
  /** The arguments of each call of a stand-in, in order. */
  calls(name: string): string[];
  /** A file in the folder; null if there is none. */
  read(name: string): string | null;
  /** Runs a program for Bun on it. */
  run(program: string): Promise<Ended>;
  install(...packages: string[]): Promise<Ended>;
}

function aMachine(): Machine {
  const folder = temporaryFolder();
  const { path } = folder;
  // Engines run as accounts of their own.
  chmodSync(path, 0o755);
  for (const name of BASICS) symlinkSync(Bun.which(name)!, join(path, name));
  const read = (name: string) => {
    const file = join(path, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : null;
  };
  const addProgram = (name: string, script: string) => {
    writeFileSync(join(path, name), `#!/bin/sh\ncd ${path}\necho "$*" >> ${name}.calls\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  };
  const run = (command: readonly string[]) => runToEnd(command, { env: { PATH: path } });
  return {
    path,
    addProgram,
    addDocker: () => addProgram('docker', DOCKER),
    calls: (name) => read(`${name}.calls`)?.trim().split('\n') ?? [],
    read,
    run: (program) => run([process.execPath, '-e', program]),
    install(...packages) {
      const script = join(import.meta.dir, 'install-packages.sh');
      return run([join(path, 'sh'), script, join(path, 'policy'), ...packages]);
    },
    [Symbol.dispose]() {
      const pid = Number(read('pid'));
      if (pid > 0 && isRunning(pid)) process.kill(pid, 'SIGKILL');
      folder[Symbol.dispose]();
    },
  };
}

/** The container's name ends with its port. As with Docker's own, what was killed is over when `kill` returns, and its port free. */
const DOCKER = `
for word; do case $word in pulsecart-redis-*) port=\${word##*-} ;; esac; done
case $1 in
  image) exit 1 ;;
  run | start) ${REDIS} --port $port --save '' --daemonize yes --pidfile $PWD/pid ;;
  kill | rm)
    pid=$(cat pid)
    kill -KILL $pid && while read -r stat 2>&- < /proc/$pid/stat; do case $stat in *') Z'*) break ;; esac; done ;;
  pause) kill -STOP $(cat pid) ;;
  unpause) kill -CONT $(cat pid) ;;
esac`;
