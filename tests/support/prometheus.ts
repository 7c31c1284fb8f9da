import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../bench/services/ports.ts';
import { makeWorkspace } from '../../bench/services/workspace.ts';
import { installMissing } from './services/install.ts';
import { until } from './until.ts';

/** Prometheus's programs as Debian has them, installed where they are missing. */
export type PrometheusTool = keyof typeof PACKAGE_OF;

const PACKAGE_OF = {
  prometheus: 'prometheus',
  promtool: 'prometheus',
  amtool: 'prometheus-alertmanager',
} as const;

/** True when all of these can be run. */
export async function havePrometheus(...tools: readonly PrometheusTool[]): Promise<boolean> {
  const missing = () => tools.filter((tool) => Bun.which(tool) === null);
  await installMissing([...new Set(missing().map((tool) => PACKAGE_OF[tool]))]);
  return missing().length === 0;
}

export interface Ran {
  readonly exit: number;
  /** What it wrote, to both streams. */
  readonly said: string;
}

export async function runTool(tool: PrometheusTool, args: readonly string[], input = ''): Promise<Ran> {
  const child = Bun.spawn([tool, ...args], { stdin: Buffer.from(input), stdout: 'pipe', stderr: 'pipe' });
  const [exit, out, errors] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exit, said: out + errors };
}

export interface Prometheus extends AsyncDisposable {
  /** The answer of an instant query: its values, by their labels. */
  query(
    expression: string,
  ): Promise<readonly { readonly labels: Readonly<Record<string, string>>; value: number }[]>;
  /** What its API answers at a path. */
  read<T>(path: string): Promise<T>;
}

/** One with this configuration, on a free port. */
export async function startPrometheus(config: object): Promise<Prometheus> {
  const [port] = (await freePorts(1)) as [number];
  const workspace = makeWorkspace('prometheus', [port], { account: 'prometheus', endsWith: 'SIGKILL' });
  // JSON is YAML, too.
  writeFileSync(join(workspace.folder, 'prometheus.yml'), JSON.stringify(config));
  const child = workspace.spawn([
    Bun.which('prometheus')!,
    ...['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=127.0.0.1:${port}`],
  ]);
  const url = `http://127.0.0.1:${port}`;
  async function read<T>(path: string): Promise<T> {
    const response = await fetch(url + path, { signal: AbortSignal.timeout(QUERY_TIMEOUT_MS) });
    const { status, data, error } = (await response.json()) as { status: string; data: T; error?: string };
    if (status !== 'success') throw new Error(`${path}: ${error}`);
    return data;
  }
  const prometheus: Prometheus = {
    read,
    async query(expression) {
      const { result } = await read<{
        result: { metric: Record<string, string>; value: [number, string] }[];
      }>(`/api/v1/query?query=${encodeURIComponent(expression)}`);
      return result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await child.exited;
      workspace.remove();
    },
  };
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`Prometheus has ended: ${workspace.messages()}`);
      return (await fetch(`${url}/-/ready`).catch(() => null))?.ok ?? false;
    });
    return prometheus;
  } catch (error) {
    await prometheus[Symbol.asyncDispose]();
    throw error;
  }
}

const QUERY_TIMEOUT_MS = 10_000;
