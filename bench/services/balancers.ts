import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../src/domain/errors.ts';
import { poll } from '../wait.ts';
import { freePorts } from './ports.ts';
import { familyOf } from './processes.ts';
import { makeWorkspace, type Workspace } from './workspace.ts';

/** nginx or HAProxy as processes of this machine. */
export interface Balancer extends AsyncDisposable {
  readonly url: string;
  /** Where it speaks TLS, if it was given a certificate. */
  readonly tlsUrl: string;
  /** HAProxy's page and metrics. */
  readonly statisticsUrl: string;
  /** Reads its configuration again, as an operator has it do; resolves when new processes serve. */
  reload(): Promise<void>;
}

export const BALANCERS = ['nginx', 'haproxy'] as const;
export type BalancerName = (typeof BALANCERS)[number];

const DEPLOY = join(import.meta.dir, '..', '..', 'deploy');
/** For nginx's `http` block: the folders of the package belong to root, and are not there before root has run it once. */
export const NGINX_OWN_FOLDERS = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  .map((what) => `${what}_temp_path ${what};`)
  .join(' ');
const START_TIMEOUT_MS = 20_000;
const LOOK_EVERY_MS = 5;

export interface ShippedOptions {
  /** Of deploy/balancers.env; the addresses are set here. */
  readonly variables?: Readonly<Record<string, string>>;
  /** PEM: the certificate and its key. */
  readonly certificate?: string;
}

/** With the files in `deploy/`, of which only the variables are filled in, as docs/operating/balancers.md says. */
export async function startBalancer(
  name: BalancerName,
  instances: readonly [string, string, string],
  { variables = {}, certificate }: ShippedOptions = {},
): Promise<Balancer> {
  const ports = await freePorts(3);
  const [listen, tls, statistics] = ports.map((port) => `127.0.0.1:${port}`) as [string, string, string];
  const workspace = openBalancerWorkspace(name, ports);
  const pem = join(workspace.folder, 'certificate.pem');
  if (certificate !== undefined) writeFileSync(pem, certificate);
  const env = readVariables({
    BALANCER_LISTEN: listen,
    BALANCER_TLS_LISTEN: tls,
    BALANCER_STATISTICS_LISTEN: statistics,
    ...Object.fromEntries(instances.map((url, i) => [`BALANCER_APP${i + 1}`, new URL(url).host])),
    // A developer's machine may have fewer files to open than a server.
    BALANCER_CONNECTIONS: '4000',
    ...(certificate !== undefined && { BALANCER_TLS_CERTIFICATE: pem }),
    ...variables,
  });
  if (name === 'nginx') renderForNginx(workspace.folder, env, certificate !== undefined);
  else cpSync(join(DEPLOY, 'haproxy', 'haproxy.cfg'), join(workspace.folder, 'haproxy.cfg'));
  const command =
    name === 'nginx'
      ? ['-p', `${workspace.folder}/`, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off; pid nginx.pid;']
      : ['-W', '-db', '-f', 'haproxy.cfg'];
  const balancer = await runBalancer(name, workspace, command, env);
  return { ...balancer, tlsUrl: `https://${tls}`, statisticsUrl: `http://${statistics}` };
}

export function openBalancerWorkspace(name: BalancerName, ports: readonly number[]): Workspace {
  const account = name === 'nginx' ? 'www-data' : 'haproxy';
  // HAProxy's workers end with their master, however that ends; nginx's would stay.
  return makeWorkspace(name, ports, { account, endsWith: name === 'nginx' ? 'SIGQUIT' : 'SIGKILL' });
}

/** Rejects `unavailable` when it does not come to listen at the workspace's first port. */
export async function runBalancer(
  name: BalancerName,
  workspace: Workspace,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Balancer> {
  const child = workspace.spawn([`/usr/sbin/${name}`, ...args], env);
  const workers = () => familyOf(child.pid).slice(1);
  const port = workspace.ports[0]!;
  const balancer: Balancer = {
    url: `http://127.0.0.1:${port}`,
    tlsUrl: '',
    statisticsUrl: '',
    async reload() {
      const before = new Set(workers());
      child.kill(name === 'nginx' ? 'SIGHUP' : 'SIGUSR2');
      const isNew = () => (workers().some((pid) => !before.has(pid)) ? true : undefined);
      const reloaded = await poll(isNew, { deadlineMs: START_TIMEOUT_MS, everyMs: LOOK_EVERY_MS });
      if (!reloaded || !(await listens(port))) throw failure('did not reload');
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await child.exited;
      workspace.remove();
    },
  };
  const failure = (what: string) => new AppError('unavailable', `${name} ${what}: ${workspace.messages()}`);
  const isUp = async () => (child.exitCode !== null || (await listens(port)) ? true : undefined);
  const up = await poll(isUp, { deadlineMs: START_TIMEOUT_MS, everyMs: LOOK_EVERY_MS });
  if (up && child.exitCode === null) return balancer;
  const error = failure('did not start');
  await balancer[Symbol.asyncDispose]();
  throw error;
}

/** The variables with the defaults of deploy/balancers.env, by a shell, and what nginx derives of them. */
function readVariables(given: Readonly<Record<string, string>>): Record<string, string> {
  const files = ['balancers.env', 'nginx/derived.envsh'].map((file) => `. '${join(DEPLOY, file)}'`);
  const lines = inShell(`set -a; ${files.join('; ')}; env -0`, given).split('\0');
  const pairs = lines.map((line) => /^(BALANCER_\w+)=(.*)$/s.exec(line)).filter((match) => match !== null);
  return Object.fromEntries(pairs.map(([, name, value]) => [name!, value!]));
}

/** As the official image does: envsubst, and of the variables only those that are set. */
function renderForNginx(folder: string, env: Readonly<Record<string, string>>, isTls: boolean): void {
  const names = Object.keys(env)
    .map((name) => `\${${name}}`)
    .join(' ');
  mkdirSync(join(folder, 'tls'));
  for (const file of ['nginx.conf', ...(isTls ? ['tls.conf'] : [])]) {
    const template = join(DEPLOY, 'nginx', `${file}.template`);
    const place = file === 'tls.conf' ? join(folder, 'tls') : folder;
    const filled = inShell(`envsubst '${names}' < '${template}'`, env);
    writeFileSync(join(place, file), filled.replace(/^http \{$/m, `http { ${NGINX_OWN_FOLDERS}`));
  }
}

function inShell(script: string, env: Readonly<Record<string, string>>): string {
  const { success, stdout, stderr } = Bun.spawnSync(['sh', '-ec', script], {
    env: { PATH: process.env.PATH ?? '', ...env },
  });
  if (!success) throw new AppError('unavailable', `deploy/ could not be filled in: ${stderr}`);
  return stdout.toString();
}

async function listens(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}
