import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../bench/services/ports.ts';
import { familyOf } from '../../bench/services/processes.ts';
import { makeWorkspace, type Workspace } from '../../bench/services/workspace.ts';
import { distributedBackends } from './backends.ts';
import { ROOT, runToEnd } from './command.ts';
import { connectRaw } from './raw-http.ts';
import { canInstall, installPackages } from './services/install.ts';
import { until } from './until.ts';

/** nginx and HAProxy as processes of this machine. */
export interface Balancer extends AsyncDisposable {
  readonly url: string;
  /** Where it speaks TLS, if it was given a certificate. */
  readonly tlsUrl: string;
  /** HAProxy's page and metrics. */
  readonly statisticsUrl: string;
  /** Reads its configuration again, as an operator has it do; resolves when new processes serve. */
  reload(): Promise<void>;
  messages(): string;
}

export const BALANCERS = ['nginx', 'haproxy'] as const;
export type BalancerName = (typeof BALANCERS)[number];

/** What a test of them needs, and the package of Debian that has it. */
const PROGRAMS = {
  '/usr/sbin/nginx': 'nginx',
  '/usr/sbin/haproxy': 'haproxy',
  '/usr/bin/openssl': 'openssl',
  '/usr/bin/envsubst': 'gettext-base',
} as const;
const DEPLOY = join(ROOT, 'deploy');

const programOf = (name: BalancerName) => `/usr/sbin/${name}`;

/** True when both can be started; they are then installed if need be, as the backends are. */
export async function haveBalancers(): Promise<boolean> {
  const missing = Object.entries(PROGRAMS).flatMap(([file, name]) => (existsSync(file) ? [] : [name]));
  if (missing.length === 0) return true;
  if (!distributedBackends || !canInstall()) return false;
  await installPackages(missing);
  return true;
}

export interface ShippedOptions {
  /** Of deploy/balancers.env; the addresses are set here. */
  readonly variables?: Readonly<Record<string, string>>;
  /** PEM: the certificate and its key. */
  readonly certificate?: string;
}

/** With the files in `deploy/`, of which only the variables are filled in, as their documents say. */
export async function startBalancer(
  name: BalancerName,
  instances: readonly [string, string, string],
  { variables = {}, certificate }: ShippedOptions = {},
): Promise<Balancer> {
  const ports = (await freePorts(3)) as [number, number, number];
  const [listen, tls, statistics] = ports.map((port) => `127.0.0.1:${port}`) as [string, string, string];
  const workspace = openWorkspace(name, ports);
  const pem = join(workspace.folder, 'certificate.pem');
  if (certificate !== undefined) writeFileSync(pem, certificate);
  const env = await readVariables({
    BALANCER_LISTEN: listen,
    BALANCER_TLS_LISTEN: tls,
    BALANCER_STATISTICS_LISTEN: statistics,
    ...Object.fromEntries(instances.map((url, i) => [`BALANCER_APP${i + 1}`, new URL(url).host])),
    // A test's machine may have fewer files to open than a server.
    BALANCER_CONNECTIONS: '4000',
    ...(certificate !== undefined && { BALANCER_TLS_CERTIFICATE: pem }),
    ...variables,
  });
  if (name === 'haproxy')
    cpSync(join(DEPLOY, 'haproxy', 'haproxy.cfg'), join(workspace.folder, 'haproxy.cfg'));
  else await renderForNginx(workspace.folder, env, certificate !== undefined);
  const command =
    name === 'nginx'
      ? ['-p', `${workspace.folder}/`, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off; pid nginx.pid;']
      : ['-W', '-db', '-f', 'haproxy.cfg'];
  const balancer = await start(name, workspace, command, env);
  return { ...balancer, tlsUrl: `https://${tls}`, statisticsUrl: `http://${statistics}` };
}

/** The variables with the defaults of deploy/balancers.env, by a shell, and what nginx derives of them. */
async function readVariables(given: Record<string, string>): Promise<Record<string, string>> {
  const files = ['balancers.env', 'nginx/derived.envsh'].map((file) => `. ${join(DEPLOY, file)}`);
  const { stdout, stderr } = await runToEnd(['sh', '-c', `set -a; ${files.join('; ')}; env -0`], {
    env: given,
  });
  if (stderr !== '') throw new Error(`deploy/balancers.env: ${stderr}`);
  const pairs = stdout.split('\0').flatMap((line) => [/^(BALANCER_\w+)=(.*)$/s.exec(line)?.slice(1) ?? []]);
  return Object.fromEntries(pairs.filter(({ length }) => length === 2));
}

/** As the official image does: envsubst, and of the variables only those that are set. */
async function renderForNginx(folder: string, env: Record<string, string>, isTls: boolean): Promise<void> {
  const names = Object.keys(env).map((name) => `\${${name}}`);
  mkdirSync(join(folder, 'tls'));
  const files = {
    'nginx.conf': 'nginx.conf.template',
    ...(isTls && { 'tls/tls.conf': 'tls.conf.template' }),
  };
  for (const [file, template] of Object.entries(files)) {
    const render = `envsubst '${names.join(' ')}' < ${join(DEPLOY, 'nginx', template)} > ${join(folder, file)}`;
    const { exit, stderr } = await runToEnd(['sh', '-c', render], { env });
    if (exit !== 0) throw new Error(`${template}: ${stderr}`);
  }
}

/** With a configuration of the caller's, for `10.0.0.11:8080` and `10.0.0.12:8080`. */
export async function startBalancerAsWritten(
  name: BalancerName,
  servers: readonly [string, string],
  written: string,
): Promise<Balancer> {
  const [port] = (await freePorts(1)) as [number];
  const workspace = openWorkspace(name, [port]);
  const settings = written
    .replace('10.0.0.11:8080', new URL(servers[0]).host)
    .replace('10.0.0.12:8080', new URL(servers[1]).host)
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('bind :80', `bind 127.0.0.1:${port}`);
  const file = `${name}.conf`;
  writeFileSync(join(workspace.folder, file), name === 'nginx' ? inNginx(settings) : settings);
  const command =
    name === 'nginx' ? ['-p', `${workspace.folder}/`, '-c', file, '-e', 'stderr'] : ['-db', '-f', file];
  return start(name, workspace, command, {});
}

function openWorkspace(name: BalancerName, ports: readonly number[]): Workspace {
  const account = name === 'nginx' ? 'www-data' : 'haproxy';
  // HAProxy's workers end with their master, however that ends; nginx's would stay.
  return makeWorkspace(name, ports, { account, endsWith: name === 'nginx' ? 'SIGQUIT' : 'SIGKILL' });
}

async function start(
  name: BalancerName,
  workspace: Workspace,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Balancer> {
  const child = workspace.spawn([programOf(name), ...args], env);
  const workers = () => familyOf(child.pid).slice(1);
  const url = `http://127.0.0.1:${workspace.ports[0]}`;
  const balancer: Balancer = {
    url,
    tlsUrl: '',
    statisticsUrl: '',
    messages: workspace.messages,
    async reload() {
      const before = new Set(workers());
      child.kill(name === 'nginx' ? 'SIGHUP' : 'SIGUSR2');
      await until(() => workers().some((pid) => !before.has(pid)));
      await until(() => listens(url));
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await child.exited;
      workspace.remove();
    },
  };
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`${name} has ended: ${workspace.messages()}`);
      return listens(url);
    });
    return balancer;
  } catch (error) {
    await balancer[Symbol.asyncDispose]();
    throw error;
  }
}

/** One process that writes nothing outside its folder. */
function inNginx(settings: string): string {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (what) => `${what}_temp_path ${what};`,
  );
  return `daemon off; master_process off; pid nginx.pid; error_log stderr;
events {}
http { access_log off; ${folders.join(' ')}
${settings}}
`;
}

async function listens(url: string): Promise<boolean> {
  try {
    using _connection = await connectRaw(url);
    return true;
  } catch {
    return false;
  }
}
