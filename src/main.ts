import packageJson from '../package.json' with { type: 'json' };
import { UsageError } from './cli/flags.ts';
import { printHelp } from './cli/help.ts';
import { asCalled, canErase, printError } from './cli/terminal.ts';
import { AppError, isAppError } from './domain/errors.ts';
import { explainCrashes } from './lib/crash.ts';
import { nearestOf } from './lib/distance.ts';
import { createScrub } from './lib/scrub.ts';

type Run = (argv: string[]) => Promise<number>;

interface Command {
  /** In the overview. */
  readonly what: string;
  /** Loaded lazily: `serve` should not wait for the load generator. */
  load(): Promise<Run>;
  /** What Ctrl-C leaves; absent where the command says so itself. */
  readonly left?: string;
}

const UNCHANGED = 'nothing was changed';

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: {
    what: 'the API and the worker, in one process or in several',
    load: async () => (await import('./cli/serve.ts')).serve,
  },
  worker: {
    what: 'decides queued purchases and charges orders, without an API',
    load: async () => (await import('./cli/worker.ts')).workerCommand,
  },
  demo: { what: 'a whole sale on this machine: 100,000 buyers, 1,000 units', load: () => measure('demo') },
  rush: { what: "the demo's crowd against a server that runs", load: () => measure('rush') },
  rehearse: {
    what: 'the crowd of a sale at a running deployment, before the sale',
    load: () => measure('rehearse'),
  },
  bench: { what: 'how fast, against a server that does nothing', load: () => measure('bench') },
  report: {
    what: 'sync and async measured side by side: which to use when',
    load: () => measure('report'),
  },
  plan: {
    what: 'what a sale of a given size takes: processes, cores, bandwidth',
    load: () => measure('plan'),
    left: UNCHANGED,
  },
  audit: {
    what: 'proves that the books balance, beside running servers or without',
    load: async () => (await import('./cli/audit.ts')).auditCommand,
    left: UNCHANGED,
  },
  payments: {
    what: "compares the ledger with the payment company's list",
    load: async () => (await import('./cli/payments.ts')).paymentsCommand,
    left: UNCHANGED,
  },
  backup: {
    what: 'a copy of the data of a server that runs, audited',
    load: async () => (await import('./cli/backup.ts')).backup,
    left: 'there is no copy',
  },
  health: {
    what: 'whether a server or a worker is ready',
    load: async () => (await import('./cli/health.ts')).health,
    left: UNCHANGED,
  },
  doctor: {
    what: 'what is set, what can be reached, what is missing',
    load: async () => (await import('./cli/doctor.ts')).doctor,
    left: UNCHANGED,
  },
  token: {
    what: "an operator's token, or a buyer's for trying out",
    load: async () => (await import('./cli/token.ts')).tokenCommand,
    left: UNCHANGED,
  },
  seed: {
    what: 'puts products on sale',
    load: async () => (await import('./cli/seed.ts')).seed,
    left: 'the same command adds the rest',
  },
  dlq: {
    what: 'dead letters: list, replay, discard',
    load: async () => (await import('./cli/dlq.ts')).dlq,
    left: 'the same command goes on',
  },
  migrate: {
    what: 'brings the tables up to date, without serving',
    load: async () => (await import('./cli/migrate.ts')).migrateCommand,
    left: 'nothing is half done: run it again',
  },
  reset: {
    what: 'deletes everything, back to a first start',
    load: async () => (await import('./cli/reset.ts')).reset,
    left: 'the same command deletes the rest',
  },
};

/** For our own processes, and not for people. */
const INTERNAL: Readonly<Record<string, () => Promise<Run>>> = {
  // Started by a supervisor; see cli/supervisor.ts.
  instance: async () => (await import('./cli/serve.ts')).serveInstance,
  // The server to compare with; see bench/server-process.ts.
  noop: () => measure('noop'),
};

const NAMES = Object.keys(COMMANDS);

const HELP = `pulsecart COMMAND [options]

${NAMES.map((name) => `  ${name.padEnd(10)}${COMMANDS[name]!.what}`).join('\n')}

  -h, --help      this, or a command's options and an example
  -v, --version   ${packageJson.version}

Of one command: pulsecart COMMAND --help`;

async function main([name, ...argv]: string[]): Promise<number> {
  switch (name) {
    case undefined:
    case '--help':
    case '-h':
      return overview();
    case 'help': {
      const [of] = argv.filter((arg) => !/^--?h(elp)?$/.test(arg));
      return of === undefined ? overview() : (await runOf(of))(['--help']);
    }
    case '--version':
    case '-v':
    case 'version':
      console.log(`pulsecart ${packageJson.version}`);
      return 0;
    default: {
      const run = await runOf(name);
      const left = COMMANDS[name]?.left;
      if (left !== undefined) process.once('SIGINT', () => stopped(name, left));
      return run(argv);
    }
  }
}

async function runOf(name: string): Promise<Run> {
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name]!.load();
  if (Object.hasOwn(INTERNAL, name)) return INTERNAL[name]!();
  const meant = nearestOf(name, NAMES);
  throw new UsageError(
    `There is no command ${JSON.stringify(name)}. ${meant === null ? '' : `Did you mean ${meant}? `}Accepted: ${NAMES.join(', ')}`,
  );
}

async function measure(
  command: 'demo' | 'rush' | 'rehearse' | 'bench' | 'report' | 'plan' | 'noop',
): Promise<Run> {
  const bench = await import('../bench/main.ts');
  return (argv) => bench.measure(command, argv);
}

function overview(): number {
  printHelp(HELP);
  return 0;
}

function stopped(name: string, left: string): never {
  // The terminal has shown ^C at the margin.
  console.error(`${canErase(process.stderr) ? '\r' : ''}pulsecart ${name}: stopped by Ctrl-C; ${left}`);
  process.exit(130);
}

explainCrashes();
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // Invalid input here is a wrong flag or setting.
  process.exitCode = isAppError(error, 'invalid_request') ? 2 : 1;
  printError(`pulsecart: ${asCalled(createScrub()(oneLine(error)))}`);
}
// All work has ended; handles that a library left open must not keep the process alive.
process.exit();

/** Prints an error's message, and the stack only for a bug. */
function oneLine(error: unknown): string {
  if (error instanceof AppError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
