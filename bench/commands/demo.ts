import { readFlags } from '../../src/cli/flags.ts';
import { printHelp } from '../../src/cli/help.ts';
import { canErase, print } from '../../src/cli/terminal.ts';
import { MODES } from '../arrivals.ts';
import { type DemoOptions, type DemoResult, holdDemo } from '../demo-sale.ts';
import { unlessInterrupted } from '../interrupted.ts';
import { BACKEND_CHOICES, type BackendChoice, openEnvironments } from '../open-environments.ts';
import { openSaleLine, summary } from './demo-text.ts';
import { watchSale } from './watch.ts';

/** The flags of the demo; `bench` holds the sale that they describe by default. */
export const DEMO_FLAGS = {
  users: { kind: 'integer', min: 1, max: 1_000_000, default: 100_000 },
  units: { kind: 'integer', min: 0, max: 2 ** 31 - 1, default: 1_000 },
  mode: { kind: 'choice', of: MODES, default: 'both' },
  seed: { kind: 'integer', min: 0, max: 2 ** 32 - 1, default: 1 },
  rate: { kind: 'integer', min: 1, max: 1_000_000, default: 20_000 },
  engines: { kind: 'choice', of: BACKEND_CHOICES, default: 'embedded' },
  watch: { kind: 'switch' },
  'opens-in': { kind: 'integer', min: 0, max: 600, default: 15 },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart demo: a whole sale on a fresh server, and one verdict

  --users N     buyers, each a different customer (100000)
  --units N     units on sale (1000)
  --mode M      sync, async or both: each buyer by the toss of a coin (both)
  --seed N      who comes when; the same seed gives the same crowd (1)
  --rate N      buyers arriving per second, whether or not the server keeps up (20000)
  --engines E   embedded: one process; production: two API processes and a worker on a PostgreSQL, a Redis and a
                RabbitMQ of their own, from what is installed here or from Docker, gone afterwards (embedded)
  --watch       the pages are served meanwhile, and opened in a browser on a desktop: the sale opens after a countdown, the
                crowd comes, and the server stays until Enter or Ctrl-C
  --opens-in N  seconds of that countdown (15)
  --json        the last line is one JSON object

Example: pulsecart demo --users 20000 --units 500 --mode async
Exit status 1 when a verdict fails.`;

/** Opens a sale on fresh servers, sends a crowd at it, and compares every answer with the books. */
export async function demo(argv: string[]): Promise<number> {
  const { json, help, engines, watch, 'opens-in': opensInS, ...options } = readFlags(argv, DEMO_FLAGS);
  if (help) {
    printHelp(HELP);
    return 0;
  }
  return unlessInterrupted('demo', 'the sale was stopped', () =>
    holdIn(engines, options, json, watch ? opensInS : null),
  );
}

const STARTS: Readonly<Record<BackendChoice, string>> = {
  embedded: 'starts a server of its own, with its data in a temporary folder',
  production: 'starts a PostgreSQL, a Redis, a RabbitMQ, two API processes and a worker',
};

/** `opensInS` null: nobody watches. */
async function holdIn(
  backends: BackendChoice,
  options: DemoOptions,
  json: boolean,
  opensInS: number | null,
): Promise<number> {
  const live = openSaleLine(options.users, json);
  let result: DemoResult;
  live.say(`  ${STARTS[backends]} …`);
  const environments = await openEnvironments(backends);
  try {
    const environment = await environments.open();
    try {
      result =
        opensInS === null
          ? await holdDemo(options, environment, live.progress).finally(live.close)
          : await watchSale(options, environment, { opensInS, live, json });
      const failed = result.verdicts.filter(({ pass }) => !pass);
      if (failed.length > 0) await keepArtifacts(() => environment.keep({ options, failed }));
    } finally {
      await environment.close();
    }
  } finally {
    await environments.close();
  }
  if (opensInS !== null) {
    // Ctrl-C, which is one way to end it, shows at the margin.
    console.error(
      `${canErase(process.stderr) ? '\r' : ''}pulsecart demo: the server is stopped; nothing is left`,
    );
  } else print(json ? JSON.stringify(result) : summary(result, options.mode));
  return result.verdicts.every((verdict) => verdict.pass) ? 0 : 1;
}

/** A failure to keep the artifacts does not hide the verdicts. */
async function keepArtifacts(keep: () => Promise<string>): Promise<void> {
  const where = await keep().then(
    (folder) => `the books are kept in ${folder}`,
    (error) => `the books could not be kept: ${error.message}`,
  );
  console.error(`pulsecart demo: a verdict failed; ${where}`);
}
