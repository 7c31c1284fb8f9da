import { cpus, release, totalmem } from 'node:os';

/** How a summary was made, so that nobody takes it for k6's own. `env` are the script's variables. */
export function madeBy(script: string, env: Readonly<Record<string, string>>) {
  const variables = Object.entries(env).map(
    ([name, value]) => `-e ${name}=${name === 'OPERATOR_TOKEN' ? '…' : value}`,
  );
  return {
    what: 'tests/support/k6/run.ts, a stand-in for k6, in the format of its summary; k6 itself was not run',
    command: ['bun', 'tests/support/k6/run.ts', ...variables, script].join(' '),
    commit: commit(),
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      memoryGb: Math.round(totalmem() / 2 ** 30),
      os: `${process.platform} ${release()}`,
      bun: Bun.version,
    },
  };
}

/** The measured commit; null outside a clone. */
function commit(): string | null {
  const git = Bun.spawnSync(['git', 'describe', '--always', '--dirty', '--abbrev=12'], {
    cwd: import.meta.dir,
    stderr: 'ignore',
  });
  return git.success ? git.stdout.toString().trim() : null;
}
