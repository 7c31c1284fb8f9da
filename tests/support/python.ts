import { join } from 'node:path';
import { MACHINE, runToEnd } from './command.ts';
import { installMissing } from './services/install.ts';

const INSTALL_TIMEOUT_MS = 120_000;

/**
 * Installs a package of Python, `name==version`, in a folder of the test's; null where that cannot be done. The result is
 * the environment in which `python3` finds the package.
 */
export async function installPython(
  requirement: string,
  folder: string,
): Promise<{ readonly PYTHONPATH: string } | null> {
  const pip = ['python3', '-m', 'pip'];
  if (!(await succeeds([...pip, '--version']))) await installMissing(['python3-pip']);
  const target = join(folder, 'python');
  const install = ['install', '--quiet', '--no-compile', '--disable-pip-version-check'];
  const installed = await runToEnd([...pip, ...install, '--target', target, requirement], {
    env: pipSettings(),
    timeoutMs: INSTALL_TIMEOUT_MS,
  }).catch(({ message }) => ({ exit: 1, stderr: message }));
  if (installed.exit === 0) return { PYTHONPATH: target };
  console.error(`pulsecart: ${requirement} cannot be had: ${installed.stderr.trim().slice(-500)}`);
  return null;
}

/** Which registry, and through which proxy. */
function pipSettings(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => /^(PIP_|https?_proxy$|no_proxy$|SSL_CERT)/i.test(name)),
  ) as Record<string, string>;
}

async function succeeds(command: string[]): Promise<boolean> {
  if (!Bun.which(command[0]!)) return false;
  return (await Bun.spawn(command, { env: MACHINE, stdout: 'ignore', stderr: 'ignore' }).exited) === 0;
}
