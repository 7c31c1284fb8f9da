import { constants, setPriority } from 'node:os';
import { AppError } from '../../domain/errors.ts';
import type { RushProgress, RushRequest, RushResult } from '../../domain/rush.ts';
import { ownProgram } from '../../lib/own-program.ts';

export interface RushChild {
  /** Rejects `unavailable` with the child's message when it came to no result. */
  readonly result: Promise<RushResult>;
  /** Calls the crowd back: the result is of those who came. */
  callBack(): void;
  kill(): void;
}

/**
 * Sends a crowd to the server at `url` from a process of its own, at low priority: buyers of a real sale do not take the
 * server's processor either. The child ends with this process. `env` has the operators' token, which an argument would show in the
 * process list.
 */
export function rushInChild(
  url: string,
  { productId, users, rate, mode, units }: RushRequest,
  env: Readonly<Record<string, string | undefined>>,
  onProgress: (progress: RushProgress) => void,
): RushChild {
  const args = ['--url', url, '--product', productId, '--users', users, '--rate', rate, '--mode', mode];
  const stock = units === null ? [] : ['--stock', units];
  // This server is meant, wherever it listens.
  const all = ['rush', ...args, ...stock, '--yes', '--json', '--progress'].map(String);
  const child = Bun.spawn(ownProgram(all, process.execArgv), {
    env: { ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  try {
    setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or the priority may not be changed; the crowd comes with any.
  }
  return {
    result: resultOf(child, onProgress),
    callBack: () => child.kill('SIGINT'),
    kill: () => child.kill('SIGKILL'),
  };
}

type Child = Bun.Subprocess<'ignore', 'pipe', 'pipe'>;

/** The end of what else it says, where its last line is why it failed. */
const COMPLAINT_CHARS_MAX = 2_000;

async function resultOf(child: Child, onProgress: (progress: RushProgress) => void): Promise<RushResult> {
  let complaint = '';
  const listening = forEachLine(child.stderr, (line) => {
    const progress = parse(line) as RushProgress | undefined;
    if (progress) onProgress({ ...progress, elapsedMs: Math.round(progress.elapsedMs) });
    else complaint = `${complaint}\n${line}`.slice(-COMPLAINT_CHARS_MAX);
  });
  const [said] = await Promise.all([new Response(child.stdout).text(), listening, child.exited]);
  const result = parse(said) as RushResult | undefined;
  if (!result) throw new AppError('unavailable', whyOf(complaint, child));
  const { verdicts, users, granted, refused, errors, stock, elapsedMs, arrivals, sync, async } = result;
  return { verdicts, users, granted, refused, errors, stock, elapsedMs, arrivals, sync, async };
}

/** The command's error line; the stack of a bug comes after it. */
function whyOf(complaint: string, { signalCode, exitCode }: Child): string {
  const [, sentence] = /^pulsecart: (.*)$/m.exec(complaint) ?? [];
  return sentence?.slice(0, 500) ?? `The crowd's process ended with ${signalCode ?? exitCode}.`;
}

async function forEachLine(stream: ReadableStream<Uint8Array>, each: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop()!;
    for (const line of lines) each(line);
  }
  if (rest !== '') each(rest);
}

function parse(text: string): unknown {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
