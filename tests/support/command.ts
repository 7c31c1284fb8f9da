import { join } from 'node:path';

export const ROOT = join(import.meta.dir, '..', '..');
export const LAUNCHER = join(ROOT, 'bin', 'pulsecart.mjs');
export const MAIN = join(ROOT, 'src', 'main.ts');

/** A command that ends by itself sooner than this; one that does not is killed and its test fails. */
const END_TIMEOUT_MS = 45_000;

/** What a process needs to be on the same machine as we: its programs, clock, zone and language. No settings of ours. */
export const MACHINE = Object.fromEntries(
  Object.entries(process.env).filter(([name]) =>
    /^(PATH|HOME|TZ|LANG|LC_\w+|LOCPATH|LD_PRELOAD|FAKETIME\w*)$/.test(name),
  ),
) as Readonly<Record<string, string>>;

export interface Ended {
  /** The exit status, or the signal's name where a signal ended it. */
  readonly exit: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, with no settings but those in `env`. */
export async function runToEnd(
  command: readonly string[],
  {
    env = {},
    cwd = ROOT,
    timeoutMs = END_TIMEOUT_MS,
  }: { readonly env?: Record<string, string>; readonly cwd?: string; readonly timeoutMs?: number } = {},
): Promise<Ended> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...MACHINE, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exit: child.signalCode ?? code, stdout, stderr };
}

/** `pulsecart <args>`, on the Bun that runs the tests, without the `.env` file that somebody may have here. */
export function runPulsecart(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return runToEnd([process.execPath, '--no-env-file', MAIN, ...args], { env });
}
