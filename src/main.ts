import { audit } from './audit/audit.ts';
import type { Engines, OpenBooks } from './cli/engines.ts';
import { UsageError } from './cli/flags.ts';
import type { Config } from './config.ts';
import { systemClock } from './domain/clock.ts';
import { AppError, isAppError } from './domain/errors.ts';
import { openStoreReadOnly } from './embedded/store.ts';
import { openThreadedStore } from './embedded/threaded.ts';
import { openMemoryGate } from './gate/memory.ts';
import { openSqliteBooks } from './ledger/sqlite/books.ts';
import { openSqliteLedger } from './ledger/sqlite.ts';
import type { Log } from './observe/log.ts';
import { openSimulator } from './payments/simulator.ts';

/** The one place that knows adapters. Commands get them through the ports. */

const HELP = `pulsecart <command> [options]

  serve   the API and the worker in one process
  demo    a whole sale on this machine: 100,000 buyers, 1,000 units, one verdict
  bench   how fast, against a server that does nothing
  audit   proves that the books balance, beside a running server or on a stopped one's data

pulsecart <command> --help shows a command's options and an example.`;

async function openEmbedded(config: Config, log: Log): Promise<Engines> {
  const clock = systemClock;
  const store = await openThreadedStore(
    config.dataFolder,
    clock,
    (error) => log.warn({ err: error }, 'queue trouble; it is tried again'),
    (error) => {
      log.fatal({ err: error }, 'the store thread has ended');
      process.exit(1);
    },
  );
  const gate = openMemoryGate();
  const provider = openSimulator({ ...config.payments });
  return {
    ledger: store.ledger,
    queue: store.queue,
    gate,
    provider,
    clock,
    batchesInFlightMax: BATCHES_IN_FLIGHT_EMBEDDED,
    publishesInFlightMax: BATCHES_IN_FLIGHT_EMBEDDED,
    names: { ledger: 'SQLite', gate: 'in process', queue: 'SQLite', payments: 'simulator' },
    healthNames: { ledger: 'db', queue: 'queue' },
    async close() {
      await provider.close();
      await gate.close();
      await store.close();
    },
  };
}

/** There is one writer: a second batch would only wait for it, and be smaller than it could have been. */
const BATCHES_IN_FLIGHT_EMBEDDED = 1;

const openBooks: OpenBooks = async (dataFolder) => {
  const store = openStoreReadOnly(dataFolder);
  const ledger = openSqliteLedger(store, systemClock);
  const books = openSqliteBooks(store, systemClock);
  return {
    product: (id) => ledger.product(id),
    find: (ids) => ledger.find(ids),
    audit: async () => audit(await books.read()),
    async close() {
      store.close();
    },
  };
};

/** Each command is loaded only when it is called: `serve` should not wait for the load generator. */
async function main([command, ...argv]: string[]): Promise<number> {
  switch (command) {
    case 'serve':
      return (await import('./cli/serve.ts')).serve(argv, openEmbedded);
    case 'audit':
      return (await import('./cli/audit.ts')).auditCommand(argv, openBooks);
    case 'demo':
      return (await import('./cli/demo.ts')).demo(argv, { openBooks });
    case 'bench':
      return (await import('./cli/bench.ts')).bench(argv, { demo: { openBooks } });
    case undefined:
    case 'help':
    case '--help':
    case '-h':
      console.log(HELP);
      return 0;
    default:
      throw new UsageError(
        `There is no command ${JSON.stringify(command)}. Accepted: serve, demo, bench, audit`,
      );
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // Input of ours is flags and settings.
  process.exitCode = isAppError(error, 'invalid_request') ? 2 : 1;
  console.error(`pulsecart: ${oneLine(error)}`);
}
// Nothing of ours runs any more; what a library may still hold open must not keep the process.
process.exit();

/** What people see of an error: its message. A stack only for a bug. */
function oneLine(error: unknown): string {
  if (error instanceof AppError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
