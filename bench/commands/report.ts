import { accessSync, constants, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { readFlags, UsageError } from '../../src/cli/flags.ts';
import { printHelp } from '../../src/cli/help.ts';
import { print } from '../../src/cli/terminal.ts';
import { requireFiles } from '../../src/lib/file-limit.ts';
import { nameOf } from '../interrupted.ts';
import { commit, machine } from '../machine.ts';
import { BACKEND_CHOICES, openEnvironments } from '../open-environments.ts';
import { OPEN_PROFILES, openProfile } from '../profiles.ts';
import { compareReports, comparisonText } from '../report/compare.ts';
import { contentOf } from '../report/content.ts';
import { type Measured, measure, type ReportPlan } from '../report/measure.ts';
import { readReport } from '../report/read-report.ts';
import { REPORT_FORMAT, REPORT_VERSION, type ReportData } from '../report/report-data.ts';
import { summaryText } from '../report/summary-text.ts';
import { writeData, writeReport } from '../report/write-report.ts';
import { resultsName } from '../results-name.ts';
import { openProgress, type Progress } from './progress.ts';

const FLAGS = {
  engines: { kind: 'choice', of: BACKEND_CHOICES, default: 'embedded' },
  profile: { kind: 'choice', of: OPEN_PROFILES, default: 'flash-crowd' },
  users: { kind: 'integer', min: 10, max: 1_000_000, default: 20_000 },
  units: { kind: 'integer', min: 1, max: 1_000_000, default: 1_000 },
  seconds: { kind: 'integer', min: 1, max: 600, default: 6 },
  repeats: { kind: 'integer', min: 1, max: 20, default: 3 },
  'sweep-seconds': { kind: 'integer', min: 0, max: 60, default: 3 },
  'at-once': { kind: 'integer', min: 0, max: 20_000, default: 10_000 },
  seed: { kind: 'integer', min: 0, max: 2 ** 31, default: 1 },
  out: { kind: 'text', what: 'a folder' },
  render: { kind: 'text', what: 'the folder of a report, or its report.json' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart report: sync and async on the same workload, measured here, and which to use when

  --engines E        embedded, or production: a PostgreSQL, a Redis and a RabbitMQ of its own, gone afterwards (embedded)
  --profile P        the sale: ${OPEN_PROFILES.join(', ')} (flash-crowd)
  --users N          its buyers (20000)
  --units N          its units (1000)
  --seconds N        the time in which they come (6)
  --repeats N        of each way, in turns; from 3 on differences can be told from chance (3)
  --sweep-seconds N  the length of each load, up to past saturation; 0 leaves them out (3)
  --at-once N        buyers in the same moment, on as many connections; 0 leaves them out (10000)
  --seed N           who comes when (1)
  --out DIR          where the report's folder is made (results)
  --render PATH      writes the pages of a report again, from its report.json and beside it (or into a new folder of --out)
  --compare A B      two reports side by side, with the spread of their repeats
  --json             prints report.json, or the comparison as JSON

Writes results/<time>/report.html (one file, no network, no script), report.md, report.json, and report.pdf where a Chromium is
found. Takes some three minutes. Ctrl-C keeps what there is, marked as partial.
Comparing: pulsecart report --compare results/2026-11-28T10-00-00 results/2026-11-29T10-00-00
A glance, instead of the whole of it:
Example: pulsecart report --users 2000 --seconds 1 --repeats 1 --sweep-seconds 0 --at-once 0 --out results
Exit status 1 when a verdict fails, 130 after Ctrl-C.`;

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
/** A run of the sale with its servers' start and stop; a guess, until the first has shown it. */
const STEP_MS = 10_000;
/** The connections of a crowd, for purchases and for outcomes. */
const FILES_MIN = 1_100;
const NOT_MEASURED = [
  'Networks: everything spoke over the loopback of one machine. Add your own round trip to every latency.',
  'TLS, balancers and proxies (`pulsecart bench --engines production --workload balancers` measures those).',
  'Several machines: server, backends and load generator shared this one.',
  'A real payment company: charges were made by the simulator.',
  'Hours: memory and tables after a long time (`pulsecart bench --engines production --workload growth` measures tables).',
];

export async function report(argv: string[]): Promise<number> {
  const compared = readCompare(argv);
  if (compared) return compare(compared);
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  if (flags.render !== undefined) return render(flags.render, flags.out);
  // Not after two minutes.
  const viewers = Math.round(flags.users * openProfile(flags.profile).viewersPerBuyer);
  requireFiles(Math.max(flags['at-once'], FILES_MIN + viewers));
  const folder = makeFolder(flags.out ?? 'results');
  const stop = new AbortController();
  const progress = openProgress(STEP_MS);
  let signalled = 0;
  for (const [name, signal] of Object.entries(SIGNALS)) {
    process.on(name, () => {
      // A second signal does not wait for the run under way.
      if (signalled !== 0) {
        console.error(`pulsecart report: ended at once; what was measured is in ${folder}`);
        process.exit(128 + signal);
      }
      signalled = signal;
      progress.close();
      console.error(`pulsecart report: ${nameOf(name)}, stops its servers; what was measured before is kept`);
      stop.abort();
    });
  }
  const { data, failure } = await hold(flags, argv, folder, stop.signal, progress);
  if (data.saleRuns.length === 0) {
    rmSync(folder, { recursive: true });
    if (signalled === 0) throw failure ?? new Error('nothing was measured');
    console.error('pulsecart report: stopped before anything was measured; nothing is left');
    return 128 + signalled;
  }
  const files = await writeReport(data, folder);
  print(flags.json ? JSON.stringify(data) : summaryText(contentOf(data), files));
  // At a terminal Ctrl-C stops the servers, too, and then the run under way fails.
  if (signalled !== 0) return 128 + signalled;
  if (failure) throw failure;
  return contentOf(data).findings.verdicts.every(({ pass }) => pass) ? 0 : 1;
}

type Flags = ReturnType<typeof readFlags<typeof FLAGS>>;

async function hold(
  flags: Flags,
  argv: readonly string[],
  folder: string,
  signal: AbortSignal,
  progress: Progress,
): Promise<{ data: ReportData; failure: Error | null }> {
  const plan = planOf(flags);
  const measured: Measured = { saleRuns: [], saturation: [], sweepRuns: [], atOnceRuns: [] };
  const environments = await openEnvironments(flags.engines);
  const head = {
    format: REPORT_FORMAT,
    version: REPORT_VERSION,
    madeAt: new Date().toISOString(),
    command: ['pulsecart report', ...argv].join(' '),
    program: { version: packageJson.version, commit: commit() },
    machine: machine(),
    backends: environments.backends,
    seed: plan.seed,
    sale: plan.sale,
    sweep: { seconds: plan.sweepSeconds },
    atOnce: { connections: plan.atOnceConnections },
    notMeasured: NOT_MEASURED,
  } as const;
  let failure: Error | null = null;
  try {
    // Written after each run, so that whatever ends this process leaves the data.
    const ended = () => writeData({ ...head, ...measured, partial: true }, folder);
    await measure(plan, environments, { begins: progress.begins, ended, signal }, measured);
  } catch (error) {
    failure = error as Error;
  } finally {
    progress.close();
    await environments.close();
  }
  return { data: { ...head, ...measured, partial: signal.aborted || failure !== null }, failure };
}

function planOf(flags: Flags): ReportPlan {
  const { profile, users, units, seconds, repeats, seed } = flags;
  return {
    sale: { profile, users, units, seconds, repeats },
    sweepSeconds: flags['sweep-seconds'],
    atOnceConnections: flags['at-once'],
    seed,
  };
}

/** A folder named after this second; throws UsageError when it cannot be made or written. */
function makeFolder(place: string): string {
  const folder = join(place, resultsName());
  try {
    mkdirSync(place, { recursive: true });
    // Two reports of the same second must not share one.
    mkdirSync(folder);
    accessSync(folder, constants.W_OK);
    return folder;
  } catch (error) {
    throw new UsageError(`The report cannot be written to ${place}: ${(error as Error).message}`);
  }
}

async function render(path: string, out: string | undefined): Promise<number> {
  const data = readReport(path);
  const own = statSync(path).isDirectory() ? path : dirname(path);
  const files = await writeReport(data, out === undefined ? own : makeFolder(out));
  print(summaryText(contentOf(data), files));
  return 0;
}

/** The two paths after --compare; null without that flag. */
function readCompare(argv: readonly string[]): { paths: readonly [string, string]; json: boolean } | null {
  const at = argv.indexOf('--compare');
  if (at < 0) return null;
  const rest = argv.filter((arg) => arg !== '--json' && arg !== '--compare');
  const [a, b, ...more] = rest;
  if (a === undefined || b === undefined || more.length > 0 || rest.some((arg) => arg.startsWith('--'))) {
    throw new UsageError(
      '--compare takes two reports (their folders, or their report.json), and besides only --json',
    );
  }
  return { paths: [a, b], json: argv.includes('--json') };
}

function compare({
  paths,
  json,
}: {
  readonly paths: readonly [string, string];
  readonly json: boolean;
}): number {
  const comparison = compareReports(readReport(paths[0]), readReport(paths[1]));
  console.log(json ? JSON.stringify(comparison) : comparisonText(comparison, paths));
  return 0;
}
