import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePorts } from '../../bench/services/ports.ts';
import { postgres } from '../../bench/services/postgres.ts';
import { makeWorkspace } from '../../bench/services/workspace.ts';
import { canInstall, installPackages } from './services/install.ts';
import { until } from './until.ts';

const PROGRAM = '/usr/sbin/pgbouncer';

/** Sessions with the server behind it: fewer than its clients have, so that nobody keeps one. */
const SERVER_SESSIONS = 3;

/** True when there is a pgbouncer to start, which is then installed if need be. */
export async function havePgbouncer(): Promise<boolean> {
  if (await Bun.file(PROGRAM).exists()) return true;
  if (!canInstall()) return false;
  await installPackages(['pgbouncer']);
  return true;
}

/**
 * A pgbouncer of one's own in front of a database, in transaction mode and otherwise as it comes; with `more` about the database
 * it passes over the options that clients ask for.
 */
export async function startPgbouncer(
  databaseUrl: string,
  more: readonly string[] | null = null,
): Promise<{ url: string; close(): Promise<void> } & AsyncDisposable> {
  const target = new URL(databaseUrl);
  const name = target.pathname.slice(1);
  const ports = await freePorts(1);
  // As PostgreSQL's own account: it refuses to run as root, too.
  const workspace = makeWorkspace('pgbouncer', ports, postgres.native);
  writeFileSync(join(workspace.folder, 'users.txt'), `"${target.username}" ""\n`);
  writeFileSync(
    join(workspace.folder, 'pgbouncer.ini'),
    `[databases]
${name} = host=${target.hostname} port=${target.port} dbname=${name} ${(more ?? []).join(' ')}
[pgbouncer]
${more === null ? '' : 'ignore_startup_parameters = options'}
listen_addr = 127.0.0.1
listen_port = ${ports[0]}
unix_socket_dir =
auth_type = trust
auth_file = users.txt
pool_mode = transaction
default_pool_size = ${SERVER_SESSIONS}
`,
  );
  const bouncer = workspace.spawn([PROGRAM, 'pgbouncer.ini']);
  await until(() => answers(ports[0]!));
  target.hostname = '127.0.0.1';
  target.port = String(ports[0]);
  const close = async () => {
    bouncer.kill('SIGKILL');
    await bouncer.exited;
    workspace.remove();
  };
  return { url: target.href, close, [Symbol.asyncDispose]: close };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
