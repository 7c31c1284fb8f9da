import { expect, test } from 'bun:test';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { installMissing } from '../support/services/install.ts';

/** Debian's docker-compose reads the files as the specification's own schema does not: with merges, variables and overlays. */

const COMPOSE = 'docker-compose';
await installMissing([COMPOSE].filter((name) => Bun.which(name) === null));
if (Bun.which(COMPOSE) === null)
  console.error('pulsecart: compose files are not tested: there is no docker-compose');

const FILES = [
  ['the plain stack', []],
  ['with all that helps to look at it', ['--profile', 'observability']],
  ['in production mode', ['-f', 'docker-compose.yml', '-f', 'deploy/compose/production.yml']],
  ['with TLS', ['-f', 'docker-compose.yml', '-f', 'deploy/compose/tls.yml']],
] as const;

test.skipIf(Bun.which(COMPOSE) === null).each(FILES)('%s can be read', async (_, flags) => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, 'shop'));
  const cwd = join(folder.path, 'shop');
  for (const name of ['docker-compose.yml', 'deploy'])
    cpSync(join(ROOT, name), join(cwd, name), { recursive: true });
  expect((await runToEnd(['sh', 'deploy/secrets/make.sh'], { cwd })).exit).toBe(0);
  const { exit, stdout, stderr } = await runToEnd([COMPOSE, ...flags, 'config'], { cwd });
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  const { services } = Bun.YAML.parse(stdout) as { services: Record<string, { environment: object }> };
  expect(Object.keys(services)).toContain('app3');
  expect(services.haproxy!.environment).toMatchObject({
    BALANCER_APP3: 'app3:8080',
    BALANCER_CHECK_PORT: '9090',
  });
});
