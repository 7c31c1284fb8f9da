import { runToEnd } from './command.ts';
import { canInstall, installPackages } from './services/install.ts';
import { until } from './until.ts';

/** Null when system calls can be traced here, after installing strace where that is possible; else why not. */
export const whyNoStrace: string | null = await find();
if (whyNoStrace !== null) console.log(`tests that trace system calls are skipped: ${whyNoStrace}`);

async function find(): Promise<string | null> {
  if (process.platform !== 'linux') return `strace is for Linux, this is ${process.platform}`;
  if (Bun.which('strace') === null) {
    if (!canInstall()) return 'there is no strace, and no apt-get that we may use';
    const failure = await installPackages(['strace']).then(
      () => null,
      (error: Error) => error.message,
    );
    if (failure !== null) return failure;
  }
  const { exit, stderr } = await runToEnd(['strace', '-o', '/dev/null', 'true']);
  return exit === 0 ? null : `strace may not trace here: ${stderr.trim()}`;
}

/** Traces a running thread, with `-f` its whole process, until disposed of or its end. `options` are strace's. */
export async function attachStrace(pid: number, options: readonly string[]): Promise<AsyncDisposable> {
  const child = Bun.spawn(['strace', ...options, '-p', `${pid}`], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
  });
  let said = '';
  void (async () => {
    for await (const bytes of child.stderr) said += new TextDecoder().decode(bytes);
  })();
  await until(() => said.includes('attached'));
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGINT');
      await child.exited;
    },
  };
}
