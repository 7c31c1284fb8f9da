import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../bench/services/ports.ts';
import { makeWorkspace } from '../../bench/services/workspace.ts';
import { readDocument } from '../docs/documents.ts';
import { distributedBackends } from './backends.ts';
import { connectRaw } from './raw-http.ts';
import { canInstall, installPackages } from './services/install.ts';
import { until } from './until.ts';

export interface Balancer extends AsyncDisposable {
  readonly url: string;
}

export const BALANCERS = ['nginx', 'haproxy'] as const;
export type BalancerName = (typeof BALANCERS)[number];

const programOf = (name: BalancerName) => `/usr/sbin/${name}`;

/** True when both can be started; they are then installed if need be, as the backends are. */
export async function haveBalancers(): Promise<boolean> {
  const missing: BalancerName[] = [];
  for (const name of BALANCERS) if (!(await Bun.file(programOf(name)).exists())) missing.push(name);
  if (missing.length === 0) return true;
  if (!distributedBackends || !canInstall()) return false;
  await installPackages(missing);
  return true;
}

/**
 * One in front of two servers, with the configuration that docs/operating/balancer.md recommends, or another for the same
 * addresses.
 */
export async function startBalancer(
  name: BalancerName,
  servers: readonly [string, string],
  written = documented(name),
): Promise<Balancer> {
  const [port] = (await freePorts(1)) as [number];
  const account = name === 'nginx' ? 'www-data' : 'haproxy';
  const workspace = makeWorkspace(name, [port], { account, endsWith: 'SIGKILL' });
  const settings = written
    .replace('10.0.0.11:8080', new URL(servers[0]).host)
    .replace('10.0.0.12:8080', new URL(servers[1]).host)
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('bind :80', `bind 127.0.0.1:${port}`);
  const file = `${name}.conf`;
  writeFileSync(join(workspace.folder, file), name === 'nginx' ? inNginx(settings) : settings);
  const child = workspace.spawn(
    name === 'nginx'
      ? [programOf(name), '-p', `${workspace.folder}/`, '-c', file, '-e', 'stderr']
      : [programOf(name), '-db', '-f', file],
  );
  const balancer = {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await child.exited;
      workspace.remove();
    },
  };
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`${name} has ended: ${workspace.messages()}`);
      return listens(balancer.url);
    });
    return balancer;
  } catch (error) {
    await balancer[Symbol.asyncDispose]();
    throw error;
  }
}

/** The block of the document in this language. */
function documented(name: BalancerName): string {
  const block = new RegExp(`^\`\`\`${name}\n(.*?)^\`\`\``, 'ms').exec(
    readDocument('docs/operating/balancer.md'),
  );
  if (!block) throw new Error(`docs/operating/balancer.md has no configuration of ${name}`);
  return block[1]!;
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
