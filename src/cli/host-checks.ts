import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Config } from '../config.ts';
import { AppError } from '../domain/errors.ts';
import { DISK_FREE_BYTES_MIN } from '../http/routes/actuator.ts';
import { requireFreeAddress } from '../lib/address.ts';
import { fileLimit } from '../lib/file-limit.ts';
import type { Check } from '../ports/backends.ts';

/** Checks of the host that a server needs, whatever its backends. */
export async function checkHost(config: Config): Promise<Check[]> {
  return [runtime(), await diskSpace(config), files(), await address(config)];
}

/** The same for a server that runs and has its address, for those who ask it from elsewhere: without its folder. */
export async function checkRunningHost(config: Config): Promise<Check[]> {
  const { detail, ...disk } = await diskSpace(config);
  return [runtime(), { ...disk, detail: detail.replace(/ at .*/, '') }, files()];
}

/** Every client and every viewer has a connection, and each connection is an open file. */
const FILES_ADVISED = 16_384;
const ANSWER_TIMEOUT_MS = 2_000;

function runtime(): Check {
  const { platform, arch } = process;
  return { name: 'Bun', state: 'ok', detail: `${Bun.version} on ${platform} ${arch}` };
}

async function diskSpace({ urls, dataFolder }: Config): Promise<Check> {
  let folder = resolve(urls ? '.' : dataFolder);
  while (!existsSync(folder)) folder = dirname(folder);
  if (!urls && !isWritableFolder(folder)) {
    return { name: 'disk space', state: 'broken', detail: `${folder} is no folder that can be written` };
  }
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  return {
    name: 'disk space',
    state: free < DISK_FREE_BYTES_MIN ? 'broken' : 'ok',
    detail: `${Math.round(free / 2 ** 20).toLocaleString('en-US')} MiB free at ${folder}`,
  };
}

function isWritableFolder(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function files(): Check {
  const limit = fileLimit();
  if (limit === null) return { name: 'open files', state: 'note', detail: 'the limit is not known here' };
  const enough = limit >= FILES_ADVISED;
  return {
    name: 'open files',
    state: enough ? 'ok' : 'note',
    detail: `${limit} at most${enough ? '' : `; for a crowd raise it to ${FILES_ADVISED} (ulimit -n)`}`,
    ...(Number.isFinite(limit) && { limit }),
  };
}

/** The port must be free, or used by a PulseCart server. */
async function address({ host, port, managementPort }: Config): Promise<Check> {
  const name = 'address';
  if (port === 0) return { name, state: 'ok', detail: `${host}, any free port` };
  const at = (one: number) => `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${one}`;
  const there = await whoAnswers(at(port), at(managementPort || port));
  if (there) return { name, ...there };
  try {
    await requireFreeAddress(host, port);
    return { name, state: 'ok', detail: `${host}:${port} is free` };
  } catch (error) {
    if (error instanceof AppError) return { name, state: 'broken', detail: error.message };
    throw error;
  }
}

async function whoAnswers(url: string, managementUrl: string): Promise<Omit<Check, 'name'> | null> {
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const info = await fetch(`${managementUrl}/actuator/info`, { signal });
    const { app } = (await info.json()) as { app?: { name?: string; version?: string } };
    if (app?.name !== 'pulsecart') return { state: 'broken', detail: `another program answers at ${url}` };
    const health = (await (await fetch(`${managementUrl}/actuator/health`, { signal })).json()) as {
      status: string;
    };
    const detail = `PulseCart ${app.version} answers at ${url}, ${health.status}`;
    return { state: health.status === 'UP' ? 'ok' : 'broken', detail };
  } catch {
    // No program, or one with another protocol: an attempt to listen shows which.
    return null;
  }
}
