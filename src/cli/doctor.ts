import { type Config, readConfig, readEnvSources } from '../config.ts';
import { AppError } from '../domain/errors.ts';
import type { Check } from '../ports/backends.ts';
import { type Env, type Flags, fileVariableOf, SETTINGS } from '../settings.ts';
import { examineBackends, examineProvider } from '../tools.ts';
import { checkBuyers } from './buyers-check.ts';
import { readFlags } from './flags.ts';
import { printHelp } from './help.ts';
import { checkHost } from './host-checks.ts';
import { checkNetworks } from './network-checks.ts';
import { checkOperators } from './operators-check.ts';
import { checkSettings } from './setting-checks.ts';
import { coloured, print } from './terminal.ts';
import { unknownSettings } from './unknown-settings.ts';

const FLAGS = {
  port: { kind: 'text', what: 'a port' },
  host: { kind: 'text', what: 'an address' },
  data: { kind: 'text', what: 'a folder' },
  instances: { kind: 'text', what: 'a number of processes' },
  all: { kind: 'switch' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart doctor: what is set, what can be reached, what is missing

  --port, --host, --data, --instances   as for serve: whether that would start
  --all    every setting, and not only those that differ from their defaults
  --json   one JSON object {pass, settings: [{name, value, source}], findings: [{name, state, detail}]}

Secrets are not shown. Nothing is changed. Exit status 1 when something is broken that a server needs.
Example: pulsecart doctor --data ./data`;

/** Checks what `serve` would need with the same flags and variables. */
export async function doctor(argv: readonly string[]): Promise<number> {
  const { help, json, all, ...given } = readFlags(argv, FLAGS);
  if (help) {
    printHelp(HELP);
    return 0;
  }
  const { settings, checks } = await examine(process.env, given);
  const pass = checks.every(({ state }) => state !== 'broken');
  print(json ? JSON.stringify({ pass, settings, findings: checks }) : report(settings, checks, all));
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
    ...(await checkBuyers(config)),
    ...(await checkOperators(config)),
    ...(await checkNetworks(config)),
    ...(await checkHost(config)),
    ...(await examineBackends(config)),
    ...(await examineProvider(config)),
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

/** The worst first. */
const ORDER: readonly Check['state'][] = ['broken', 'note', 'ok'];
const COLOURS = { broken: 'red', note: 'yellow', ok: 'green' } as const;

/** What was found, the settings that somebody has set, and in the end whether a server would run. */
function report(settings: readonly Setting[], checks: readonly Check[], all: boolean): string {
  const found = ORDER.flatMap((state) => checks.filter((check) => check.state === state));
  const shown = all ? settings : settings.filter(({ source }) => source !== 'default');
  const lines = found.map(
    ({ name, state, detail }) => `${coloured(state.padEnd(8), COLOURS[state])}${name.padEnd(18)}${detail}`,
  );
  if (settings.length > 0) {
    const rest = settings.length - shown.length;
    lines.push(
      '',
      ...shown.map(({ name, value, source }) => `${name.padEnd(36)}${value.padEnd(28)} ${source}`),
    );
    if (rest > 0) lines.push(`${rest} settings have their defaults (all of them with --all)`);
  }
  lines.push('', verdict(checks));
  return lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n');
}

function verdict(checks: readonly Check[]): string {
  const named = (state: Check['state']) => [
    ...new Set(checks.filter((check) => check.state === state).map(({ name }) => name)),
  ];
  const [broken, notes] = [named('broken'), named('note')];
  if (broken.length > 0) return coloured(`A server would not run here: ${broken.join(', ')}`, 'red');
  if (notes.length > 0) return coloured(`A server would run here; look at: ${notes.join(', ')}`, 'yellow');
  return coloured('A server would run here.', 'green');
}
