import { type Config, readConfig, readEnvSources } from '../config.ts';
import { AppError } from '../domain/errors.ts';
import type { Check } from '../ports/backends.ts';
import { type Env, type Flags, fileVariableOf, SETTINGS } from '../settings.ts';
import { examineBackends } from '../tools.ts';
import { readFlags } from './flags.ts';
import { printHelp } from './help.ts';
import { checkHost } from './host-checks.ts';
import { checkSettings } from './setting-checks.ts';
import { unknownSettings } from './unknown-settings.ts';

const FLAGS = {
  port: { kind: 'text', what: 'a port' },
  host: { kind: 'text', what: 'an address' },
  data: { kind: 'text', what: 'a folder' },
  instances: { kind: 'text', what: 'a number of processes' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart doctor: what is set, what can be reached, what is missing

  --port, --host, --data, --instances   as for serve: whether that would start
  --json   one JSON object {pass, settings: [{name, value, source}], findings: [{name, state, detail}]}

Secrets are not shown. Nothing is changed. Exit status 1 when something is broken that a server needs.
Example: pulsecart doctor --data ./data`;

/** Checks what `serve` would need with the same flags and variables. */
export async function doctor(argv: readonly string[]): Promise<number> {
  const { help, json, ...given } = readFlags(argv, FLAGS);
  if (help) {
    printHelp(HELP);
    return 0;
  }
  const { settings, checks } = await examine(process.env, given);
  const pass = checks.every(({ state }) => state !== 'broken');
  console.log(json ? JSON.stringify({ pass, settings, findings: checks }) : report(settings, checks));
  return pass ? 0 : 1;
}

async function examine(env: Env, given: Flags) {
  const config = configOrWhyNot(env, given);
  if (config instanceof AppError) {
    // The other checks need valid settings.
    return {
      settings: [],
      checks: [{ name: 'settings', state: 'broken', detail: config.message } as Check],
    };
  }
  const checks = [
    ...unknown(env),
    ...checkSettings(config),
    ...(await checkHost(config)),
    ...(await examineBackends(config)),
  ];
  return { settings: settingsWithSources(config, env, given), checks };
}

function unknown(env: Env): Check[] {
  const detail = unknownSettings(env);
  return detail === null ? [] : [{ name: 'settings', state: 'note', detail }];
}

function configOrWhyNot(env: Env, given: Flags): Config | AppError {
  try {
    return readConfig(env, given);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

interface Setting {
  readonly name: string;
  readonly value: string;
  /** `default`, `variable`, a flag's or a file's name. */
  readonly source: string;
}

function settingsWithSources(config: Config, env: Env, given: Flags): Setting[] {
  const files = readEnvSources(env);
  return Object.values(SETTINGS).map((setting) => {
    const { name, flag } = setting;
    const value = config.settings[name]!;
    const inFile = fileVariableOf(setting);
    if (inFile && env[inFile]) return { name, value, source: inFile };
    if (flag && given[flag] !== undefined) return { name, value, source: `--${flag}` };
    if (!env[name]) return { name, value, source: 'default' };
    return { name, value, source: files.get(name) ?? 'variable' };
  });
}

function report(settings: readonly Setting[], checks: readonly Check[]): string {
  const lines = settings.map(
    ({ name, value, source }) => `  ${name.padEnd(36)}${value.padEnd(28)} ${source}`,
  );
  if (lines.length > 0) lines.push('');
  for (const { name, state, detail } of checks) lines.push(`  ${state.padEnd(8)}${name.padEnd(18)}${detail}`);
  return lines.join('\n');
}
