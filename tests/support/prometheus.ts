import { installMissing } from './services/install.ts';

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
