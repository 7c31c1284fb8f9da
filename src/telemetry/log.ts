import pino, { type DestinationStream, type Logger } from 'pino';
import { causeGroup } from '../app/ops/causes.ts';
import { createScrub, type SecretSettings, secretsIn } from '../lib/scrub.ts';
import { createThrottle } from '../lib/throttle.ts';
import { type LogFileOptions, openLogFile } from './log-file.ts';

/** JSON lines, written in the process itself: a transport in a worker loses lines at exit. */
export type Log = Logger;

/** The log of a command: in a file where one is set, else on standard output. */
export function openLog(settings: LogSettings): Log {
  const { logLevel, logFile } = settings;
  return createLog(logLevel, logFile ? openLogFile(logFile) : standardOutput(), secretsIn(settings));
}

/** The secrets are in no line, whoever wrote it. */
interface LogSettings extends SecretSettings {
  readonly logLevel: string;
  readonly logFile: LogFileOptions | null;
}

/** A backend that is down fails every request: thousands of identical lines a second. */
const LINES_PER_SECOND = 3;
/** Kinds in one second; all further ones count as one kind. */
const KINDS_MAX = 200;

/**
 * Repeated warnings and errors are throttled by kind, and errors are logged without the properties that clients add. Neither
 * `secrets` nor what looks like one is written.
 */
export function createLog(
  level: string,
  destination: DestinationStream = standardOutput(),
  secrets: readonly string[] = [],
): Log {
  const scrub = createScrub(secrets);
  type Write = (leftOut: number) => void;
  const throttle = createThrottle<string, Write>(
    1_000,
    (_, write, leftOut) => write(leftOut),
    LINES_PER_SECOND,
  );
  process.once('exit', throttle.flush);
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['*.token', '*.authorization'],
    serializers: { err: bare },
    hooks: {
      logMethod(args, log, number) {
        if (number !== levels.warn && number !== levels.error) return log.apply(this, args);
        const kind = `${number} ${kindOf(args)}`;
        const isKept = throttle.has(kind) || throttle.size() < KINDS_MAX;
        throttle.offer(isKept ? kind : 'others', (leftOut) => log.apply(this, withCount(args, leftOut)));
      },
    },
  };
  return pino(options, { write: (line) => destination.write(scrub(line)) });
}

/**
 * A line that cannot be written, as on a full disk, is kept until the next one; beyond the limit the newest lines are
 * dropped. Without a listener each failure would be thrown into the request or timer that logged.
 */
function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, maxLength: UNWRITTEN_CHARS_MAX });
  output.on('error', () => {});
  return output;
}

/** Some 5,000 lines. */
const UNWRITTEN_CHARS_MAX = 1024 * 1024;

const levels = pino.levels.values;

type Args = Parameters<pino.LogFn>;

/** An error's message, stack and code. Other properties may contain rows, commands with their arguments, and customers. */
function bare(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const all: Readonly<Record<string, unknown>> = { ...pino.stdSerializers.err(error) };
  return Object.fromEntries(TOLD.filter((name) => all[name] !== undefined).map((name) => [name, all[name]]));
}

const TOLD = [
  'type',
  'message',
  'stack',
  'code',
  'severity',
  'schema',
  'table',
  'column',
  'constraint',
  'syscall',
];

/** Lines of a kind differ only in ids, numbers and times. */
function kindOf([first, second]: Args): string {
  const { code, err } = (typeof first === 'object' ? first : {}) as {
    code?: unknown;
    err?: { code?: unknown };
  };
  return `${code ?? err?.code ?? ''} ${causeGroup(String(typeof first === 'string' ? first : second))}`;
}

function withCount(args: Args, leftOut: number): Args {
  if (leftOut === 0) return args;
  const [first, ...rest] = args as unknown as [object | string, ...string[]];
  const counted =
    typeof first === 'string' ? [{ leftOut }, first, ...rest] : [{ ...first, leftOut }, ...rest];
  return counted as unknown as Args;
}
