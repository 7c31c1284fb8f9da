import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT, runToEnd } from './command.ts';
import { installMissing } from './services/install.ts';

/**
 * Builds the project's Dockerfile where there is no Docker: its base images are made here, of Debian's own packages and of the
 * Node that runs the tests, and nothing is pulled.
 */

const TOOLS = ['buildah', 'debootstrap'];
/** A system of some 90 packages, then `npm ci` in it. */
const STEP_TIMEOUT_MS = 300_000;

export interface Images {
  /** Builds the Dockerfile; returns the image's name. */
  build(): Promise<string>;
  /** `buildah <args>`, its standard output; throws when it fails. */
  buildah(...args: string[]): Promise<string>;
  /** Its arguments in front of a command's, for a process that stays. */
  readonly command: readonly string[];
}

/** Why images cannot be built on this machine; null when they can. Installs what is missing where that needs no leave. */
export async function whyNoImages(): Promise<string | null> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'images are built by root on Linux';
  await installMissing(TOOLS.filter((tool) => Bun.which(tool) === null));
  const missing = TOOLS.filter((tool) => Bun.which(tool) === null);
  return missing.length > 0 ? `there is no ${missing.join(' and no ')}` : null;
}

/** `folder` takes a gigabyte and a half. */
export async function openImages(folder: string): Promise<Images> {
  const command = ['buildah', '--storage-driver=vfs', `--root=${folder}/store`, `--runroot=${folder}/run`];
  const buildah = async (...args: string[]) => (await run([...command, ...args])).trim();

  async function commit(name: string, changes: (container: string) => Promise<void>, from = 'scratch') {
    const container = await buildah('from', '--pull-never', from);
    await changes(container);
    await buildah('commit', '--quiet', container, name);
    await buildah('rm', container);
  }

  return {
    command,
    buildah,
    async build() {
      const [node, debian] = basesOf(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));
      const system = join(folder, 'debian');
      await run(['debootstrap', '--variant=minbase', 'bookworm', system, await debianMirror()]);
      await commit(`docker.io/library/${debian}`, async (container) => {
        await buildah('add', '--quiet', container, system, '/');
      });
      withNode(system);
      await commit(`docker.io/library/${node}`, async (container) => {
        await buildah('add', '--quiet', container, system, '/');
        for (const variable of reachingTheRegistry()) await buildah('config', '--env', variable, container);
      });
      await buildah(
        'bud',
        '--isolation=chroot',
        '--format=docker',
        '--pull-never',
        '--tag=pulsecart:test',
        ROOT,
      );
      return 'localhost/pulsecart:test';
    },
  };
}

/** The images that the Dockerfile begins with. */
function basesOf(dockerfile: string): [node: string, debian: string] {
  const names = [...dockerfile.matchAll(/^FROM (\S+:\S+)/gm)].map(([, name]) => name!);
  if (names.length !== 2 || !names[0]!.startsWith('node:') || !names[1]!.startsWith('debian:'))
    throw new Error(`The Dockerfile begins with ${names.join(' and ')}, not with node and debian.`);
  return names as [string, string];
}

/** Puts this machine's Node and npm where Docker's image of Node has them. */
function withNode(system: string): void {
  const node = realpathSync(Bun.which('node')!);
  const npm = dirname(dirname(realpathSync(Bun.which('npm')!)));
  const modules = join(system, 'usr/local/lib/node_modules');
  mkdirSync(modules, { recursive: true });
  cpSync(node, join(system, 'usr/local/bin/node'));
  cpSync(npm, join(modules, 'npm'), { recursive: true });
  Bun.spawnSync(['ln', '-s', '../lib/node_modules/npm/bin/npm-cli.js', join(system, 'usr/local/bin/npm')]);
  writeFileSync(
    join(system, CERTIFICATES),
    certificatesOf()
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n'),
  );
  const settings = join(homedir(), '.npmrc');
  if (existsSync(settings)) cpSync(settings, join(system, 'root/.npmrc'));
}

const CERTIFICATES = '/etc/extra-certificates.pem';

/** As variables, what this machine needs to reach npm's registry. */
function reachingTheRegistry(): string[] {
  const proxies = Object.entries(process.env).filter(([name]) =>
    /^(https?_proxy|npm_config_registry)$/i.test(name),
  );
  const variables = proxies.map(([name, value]) => `${name}=${value}`);
  return [...variables, `NODE_EXTRA_CA_CERTS=${CERTIFICATES}`];
}

/** Authorities that this machine's Node and npm trust beside their own, as behind a company's proxy. */
function certificatesOf(): string[] {
  const { stdout } = Bun.spawnSync(['npm', 'config', 'get', 'cafile']);
  const files = [process.env.NODE_EXTRA_CA_CERTS ?? '', stdout.toString().trim()];
  return files.filter((file) => file !== '' && existsSync(file));
}

/** Where this machine has its own packages from. */
async function debianMirror(): Promise<string> {
  const targets = await run([
    'apt-get',
    'indextargets',
    '--format',
    '$(REPO_URI)',
    'Created-By: Packages',
    'Label: Debian',
  ]);
  return targets.split('\n')[0] || 'http://deb.debian.org/debian';
}

async function run(command: readonly string[]): Promise<string> {
  const { exit, stdout, stderr } = await runToEnd(command, {
    timeoutMs: STEP_TIMEOUT_MS,
    env: { HOME: homedir() },
  });
  if (exit === 0) return stdout;
  throw new Error(`${command.join(' ')} ended with ${exit}: ${(stderr || stdout).slice(-2_000)}`);
}
