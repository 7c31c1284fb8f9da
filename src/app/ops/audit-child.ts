import { constants, setPriority } from 'node:os';
import { AppError } from '../../domain/errors.ts';
import type { Verdict } from '../../domain/verdict.ts';
import { ownProgram } from '../../lib/own-program.ts';

/**
 * Runs the audit in a process of its own at low priority: it reads every order, and the threads that sell should not wait
 * for that. Rejects `unavailable` with the child's message when it could not read the books.
 */
export async function auditInChild(
  /** Null where the environment names a database. */
  dataFolder: string | null,
  stop: AbortSignal,
): Promise<{ readonly pass: boolean; readonly verdicts: readonly Verdict[] }> {
  // The child gets the database from its environment: an argument would show the password in the process list.
  const place = dataFolder === null ? [] : ['--data', dataFolder];
  const child = Bun.spawn(ownProgram(['audit', '--json', ...place], process.execArgv), {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    signal: stop,
    killSignal: 'SIGKILL',
  });
  try {
    setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or the priority may not be changed; the audit works with any.
  }
  const [said, complaint] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  // 0 and 1 come with verdicts: the books balance or they do not.
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

/** The command's error line; the stack of a bug comes after it. */
function whyOf(complaint: string, { signalCode, exitCode }: Bun.Subprocess): string {
  const [, sentence] = /^pulsecart: (.*)$/m.exec(complaint) ?? [];
  return sentence?.slice(0, 500) ?? `it ended with ${signalCode ?? exitCode} and said nothing`;
}
