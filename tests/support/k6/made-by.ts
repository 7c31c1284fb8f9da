import { commit, machine } from '../../../bench/machine.ts';

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
    machine: machine(),
  };
}
