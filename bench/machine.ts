import { cpus, release, totalmem } from 'node:os';

/** The machine of a measurement, as far as it explains a figure. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly os: string;
  readonly bun: string;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    os: `${process.platform} ${release()}`,
    bun: Bun.version,
  };
}

/** The measured commit; null outside a clone. */
export function commit(): string | null {
  try {
    const git = Bun.spawnSync(['git', 'describe', '--always', '--dirty', '--abbrev=12'], {
      cwd: import.meta.dir,
      stderr: 'ignore',
    });
    return git.success ? git.stdout.toString().trim() : null;
  } catch {
    return null;
  }
}
