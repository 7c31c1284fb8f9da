import { afterAll, beforeAll, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readyLine } from '../../bench/server-process.ts';
import { freePorts } from '../../bench/services/ports.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { MACHINE, runToEnd } from '../support/command.ts';
import { type Images, openImages, whyNoImages } from '../support/image.ts';

/** The Dockerfile, built and run without Docker. */

const BUILD_TIMEOUT_MS = 600_000;
const IMAGE_BYTES_MAX = 150e6;
const PROGRAM = '/usr/local/bin/pulsecart';
const USER = '10001:10001';

const why = await whyNoImages();
if (why) console.error(`pulsecart: the image is not tested: ${why}`);

// Not where files are kept in memory: a system cannot be installed there.
const folder = mkdtempSync('/var/tmp/pulsecart-image-');
let images: Images;
let image: string;
let container: string;

beforeAll(async () => {
  if (why) return;
  images = await openImages(folder);
  image = await images.build();
  container = await images.buildah('from', '--pull-never', image);
}, BUILD_TIMEOUT_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }), BUILD_TIMEOUT_MS);

test.skipIf(why !== null)(
  'the image has the program, runs as a user without rights, and is small',
  async () => {
    const { Docker } = JSON.parse(await images.buildah('inspect', '--type=image', image));
    expect(Docker.config).toMatchObject({
      User: USER,
      Entrypoint: [PROGRAM],
      Cmd: ['serve'],
      Healthcheck: { Test: ['CMD', PROGRAM, 'health'] },
      StopSignal: 'SIGTERM',
      Volumes: { '/data': {} },
      Labels: {
        'org.opencontainers.image.version': packageJson.version,
        'org.opencontainers.image.licenses': packageJson.license,
      },
    });
    const [{ size }] = JSON.parse(await images.buildah('images', '--json', image));
    expect(bytesOf(size)).toBeLessThan(IMAGE_BYTES_MAX);
  },
);

test.skipIf(why !== null)('it sells with one writable folder, is healthy, and stops on SIGTERM', async () => {
  const root = await images.buildah('mount', container);
  chmodSync(join(root, 'tmp'), 0o555);
  const [port] = await freePorts(1);
  const settings = { PORT: `${port}`, PULSECART_OPERATOR_TOKEN: 'for-operators-of-the-image' };
  const server = Bun.spawn(inContainer(['serve'], settings), {
    env: MACHINE,
    stdout: 'pipe',
    stderr: 'pipe',
  });
  try {
    let output = '';
    for await (const text of server.stdout.pipeThrough(new TextDecoderStream())) {
      output += text;
      if (readyLine(output)) break;
    }
    expect(readyLine(output)).not.toBeNull();
    const bought = await fetch(`http://127.0.0.1:${port}/api/v1/sync/purchase`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"productId": 1, "quantity": 1}',
    });
    expect(bought.status).toBe(200);
    expect((await runToEnd(inContainer(['health'], settings))).exit).toBe(0);
    // It has no process namespace here, so this is the program itself, as its engine would stop it.
    process.kill(readyLine(output)!.pid, 'SIGTERM');
    expect(await server.exited).toBe(0);
  } finally {
    server.kill();
  }
});

test.skipIf(why !== null)('it ends at once where something is missing', async () => {
  // Without an engine's log: buildah may lose the last words of a process that ends at once.
  const exitOf = async (command: string[]) => (await runToEnd(command)).exit;
  expect(await exitOf(inContainer(['serve'], {}))).toBe(2);
  expect(await exitOf(inContainer(['health'], { PORT: '1' }))).toBe(1);
  const token = { PULSECART_OPERATOR_TOKEN: 'for-operators-of-the-image' };
  expect(await exitOf(inContainer(['serve'], token, '10002:10002'))).toBe(1);
});

/** Runs the program as an engine would, by the image's settings and these. */
function inContainer(args: readonly string[], env: Readonly<Record<string, string>>, user = USER): string[] {
  const settings = Object.entries(env).map(([name, value]) => `--env=${name}=${value}`);
  return [
    ...images.command,
    'run',
    '--isolation=chroot',
    `--user=${user}`,
    ...settings,
    container,
    '--',
    PROGRAM,
    ...args,
  ];
}

/** As buildah writes it: `114 MB`. */
function bytesOf(size: string): number {
  const [number, unit] = size.split(' ');
  return Number(number) * { KB: 1e3, MB: 1e6, GB: 1e9 }[unit!]!;
}
