import { constants, setPriority } from 'node:os';
import { AppError } from '../../domain/errors.ts';
import type { Verdict } from '../../domain/verdict.ts';

/**
 * The audit in a process of its own: it reads every order, and the threads that sell should not wait for that. It has what
 * the others leave of the processor. Rejects `unavailable` with what it said when it could not read the books.
 */
export async function auditInChild(
  /** Null where the environment names a database. */
  dataFolder: string | null,
  stop: AbortSignal,
): Promise<{ readonly pass: boolean; readonly verdicts: readonly Verdict[] }> {
  // The database is named by the environment, which a child has from us: an argument would show its password to everybody.
  const place = dataFolder === null ? [] : ['--data', dataFolder];
  const child = Bun.spawn([process.execPath, ...process.execArgv, Bun.main, 'audit', '--json', ...place], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    signal: stop,
    killSignal: 'SIGKILL',
  });
  try {
    setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or priorities are not ours to change; it works with any.
  }
  const [said, complaint] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  // 0 and 1 with verdicts: they say whether the books balance.
  await child.exited;
  try {
    const { pass, verdicts } = JSON.parse(said);
    return { pass, verdicts };
  } catch (cause) {
    throw new AppError('unavailable', `The audit could not be carried out: ${whyOf(complaint, child)}`, {
      cause,
    });
  }
}

/** The line in which a command says what went wrong; the stack of a bug comes after it. */
function whyOf(complaint: string, { signalCode, exitCode }: Bun.Subprocess): string {
  const [, sentence] = /^pulsecart: (.*)$/m.exec(complaint) ?? [];
  return sentence?.slice(0, 500) ?? `it ended with ${signalCode ?? exitCode} and said nothing`;
}
