import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Balancer,
  type BalancerName,
  NGINX_OWN_FOLDERS,
  openBalancerWorkspace,
  runBalancer,
} from '../../bench/services/balancers.ts';
import { freePorts } from '../../bench/services/ports.ts';
import { distributedBackends } from './backends.ts';
import { canInstall, installPackages } from './services/install.ts';

/** What a test of them needs, and the package of Debian that has it. */
const PROGRAMS = {
  '/usr/sbin/nginx': 'nginx',
  '/usr/sbin/haproxy': 'haproxy',
  '/usr/bin/openssl': 'openssl',
  '/usr/bin/envsubst': 'gettext-base',
  '/usr/bin/curl': 'curl',
} as const;

/** True when both can be started; they are then installed if need be, as the backends are. */
export async function haveBalancers(): Promise<boolean> {
  const missing = Object.entries(PROGRAMS).flatMap(([file, name]) => (existsSync(file) ? [] : [name]));
  if (missing.length === 0) return true;
  if (!distributedBackends || !canInstall()) return false;
  await installPackages(missing);
  return true;
}

/** With a configuration of the caller's, for `10.0.0.11:8080` and `10.0.0.12:8080`. */
export async function startBalancerAsWritten(
  name: BalancerName,
  servers: readonly [string, string],
  written: string,
): Promise<Balancer> {
  const [port] = (await freePorts(1)) as [number];
  const workspace = openBalancerWorkspace(name, [port]);
  const settings = written
    .replace('10.0.0.11:8080', new URL(servers[0]).host)
    .replace('10.0.0.12:8080', new URL(servers[1]).host)
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('bind :80', `bind 127.0.0.1:${port}`);
  const file = `${name}.conf`;
  writeFileSync(join(workspace.folder, file), name === 'nginx' ? inNginx(settings) : settings);
  const command =
    name === 'nginx' ? ['-p', `${workspace.folder}/`, '-c', file, '-e', 'stderr'] : ['-db', '-f', file];
  return runBalancer(name, workspace, command, {});
}

/** One process that writes nothing outside its folder. */
function inNginx(settings: string): string {
  return `daemon off; master_process off; pid nginx.pid; error_log stderr;
events {}
http { access_log off; ${NGINX_OWN_FOLDERS}
${settings}}
`;
}
