import { dirname, join } from 'node:path';
import { AppError } from '../../../src/domain/errors.ts';

const SCRIPT = join(import.meta.dir, 'install-packages.sh');
/** What Debian asks before it starts a service (invoke-rc.d(8)). */
const POLICY_FILE = '/usr/sbin/policy-rc.d';
/** It takes 40 s on a fast line. */
const INSTALL_TIMEOUT_MS = 900_000;
const LOG_TAIL_CHARS = 1_500;

/** Whether packages can be installed here without asking anybody: apt-get, and root or a sudo that needs no password. */
export function canInstall(): boolean {
  return Bun.which('apt-get') !== null && Bun.which('flock') !== null && asRoot() !== null;
}

/**
 * Installs packages of Debian or Ubuntu, without starting the services they bring. Processes that want to do so at the
 * same time wait for each other. Rejects `unavailable` when it does not work out.
 */
export async function installPackages(packages: readonly string[]): Promise<void> {
  console.error(`pulsecart: installing ${packages.join(', ')} with apt-get; this is needed once`);
  const oneAtATime = ['flock', dirname(POLICY_FILE)];
  const child = Bun.spawn([...asRoot()!, ...oneAtATime, 'sh', SCRIPT, POLICY_FILE, ...packages], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: INSTALL_TIMEOUT_MS,
  });
  const [code, output, errors] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if (code === 0) return;
  const why = (errors.trim() || output.trim()).slice(-LOG_TAIL_CHARS);
  throw new AppError('unavailable', `apt-get could not install ${packages.join(', ')}: ${why}`);
}

/** Installs what tests need of these packages where that needs nobody's leave; says on standard error why it did not work out. */
export async function installMissing(packages: readonly string[]): Promise<void> {
  if (packages.length === 0 || process.platform !== 'linux') return;
  if (!canInstall()) return console.error('pulsecart: there is no apt-get that we may use');
  await installPackages(packages).catch(({ message }) => console.error(`pulsecart: ${message}`));
}

/** What has to stand before a command for root to run it. */
function asRoot(): string[] | null {
  if (process.getuid?.() === 0) return [];
  const sudo = ['sudo', '-n'];
  return Bun.which('sudo') && Bun.spawnSync([...sudo, 'true']).success ? sudo : null;
}
