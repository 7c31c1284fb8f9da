import { UsageError } from './cli/flags.ts';
import { AppError, isAppError } from './domain/errors.ts';

const HELP = `pulsecart <command> [options]

  serve    the API and the worker, in one process or in several
  worker   decides queued purchases and charges orders, without an API
  demo     a whole sale on this machine: 100,000 buyers, 1,000 units, one verdict
  rush     the demo's crowd against a server that runs
  rehearse the crowd of a sale at a running deployment, before the real sale
  bench    how fast, against a server that does nothing
  report   sync and async measured side by side, as a page, and which to use when
  plan     what a sale of a given size takes: processes, cores, bandwidth
  audit    proves that the books balance, beside running servers or without
  backup   a copy of the data of a server that runs, audited
  health   whether a server or a worker is ready
  doctor   what is set, what can be reached, what is missing
  seed     puts products on sale
  dlq      dead letters: list, replay, discard
  migrate  brings the tables up to date, without serving
  reset    deletes everything, back to a first start

pulsecart <command> --help shows a command's options and an example.`;

/** Commands are loaded lazily: `serve` should not wait for the load generator. */
async function main([command, ...argv]: string[]): Promise<number> {
  switch (command) {
    case 'serve':
      return (await import('./cli/serve.ts')).serve(argv);
    case 'instance': // started by a supervisor; see cli/supervisor.ts
      return (await import('./cli/serve.ts')).serveInstance(argv);
    case 'worker':
      return (await import('./cli/worker.ts')).workerCommand(argv);
    case 'audit':
      return (await import('./cli/audit.ts')).auditCommand(argv);
    case 'backup':
      return (await import('./cli/backup.ts')).backup(argv);
    case 'migrate':
      return (await import('./cli/migrate.ts')).migrateCommand(argv);
    case 'health':
      return (await import('./cli/health.ts')).health(argv);
    case 'doctor':
      return (await import('./cli/doctor.ts')).doctor(argv);
    case 'seed':
      return (await import('./cli/seed.ts')).seed(argv);
    case 'dlq':
      return (await import('./cli/dlq.ts')).dlq(argv);
    case 'reset':
      return (await import('./cli/reset.ts')).reset(argv);
    case 'demo':
    case 'rush':
    case 'rehearse':
    case 'bench':
    case 'report':
    case 'plan':
    case 'noop': // the server to compare with; see bench/server-process.ts
      return (await import('../bench/main.ts')).measure(command, argv);
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      console.log(HELP);
      return 0;
    default:
      throw new UsageError(
        `There is no command ${JSON.stringify(command)}. Accepted: serve, worker, demo, rush, rehearse, bench, report, plan, audit, backup, health, doctor, seed, dlq, migrate, reset`,
      );
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // Invalid input here is a wrong flag or setting.
  process.exitCode = isAppError(error, 'invalid_request') ? 2 : 1;
  console.error(`pulsecart: ${oneLine(error)}`);
}
// All work has ended; handles that a library left open must not keep the process alive.
process.exit();

/** Prints an error's message, and the stack only for a bug. */
function oneLine(error: unknown): string {
  if (error instanceof AppError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
