import { until } from './until.ts';

/** Lets every sync of a running process fail with EIO, as a disk that is going does, until disposed of. */
export async function failSyncs(pid: number): Promise<AsyncDisposable> {
  const child = Bun.spawn(
    ['strace', '-f', '-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EIO', '-p', `${pid}`],
    { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' },
  );
  let said = '';
  void (async () => {
    for await (const bytes of child.stderr) said += new TextDecoder().decode(bytes);
  })();
  await until(() => said.includes(`attached`));
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGINT');
      await child.exited;
    },
  };
}
