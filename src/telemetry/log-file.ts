import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DestinationStream } from 'pino';
import { AppError } from '../domain/errors.ts';

export interface LogFileOptions {
  /** Its folder is made when it is missing. */
  readonly path: string;
  /** From this size on the file is renamed, and a new one is begun. */
  readonly bytesMax: number;
}

/** Renamed files that are kept beside the present one. */
export const OLD_FILES_MAX = 5;
/** Bytes and time after which a writer looks at the file again; a file may become this much larger than its limit. */
const CHECK_BYTES = 64 * 1024;
const CHECK_MS = 500;
/** Bytes that wait for room on a full disk, some 5,000 lines; the newest lines beyond are dropped. */
const UNWRITTEN_BYTES_MAX = 1024 * 1024;

/**
 * A log file with rotation by size, for several processes at once: each line is one append (O_APPEND), and a full file is renamed to
 * a name of its own, `pulsecart.log.<time>`. A rename is atomic and needs no lock: a process that still has the renamed file open
 * goes on writing there until it finds, soon after, that the name leads to another file. So no line is lost or cut in two. (Numbered
 * names would have to be shifted, which two processes must not do at once, and a lock outlives a killed owner.)
 *
 * It writes in the process itself and at once: a stream or a thread would lose the last lines at exit. Throws AppError
 * `invalid_request` when the file cannot be opened. Later failures never reach the caller.
 */
export function openLogFile({ path: given, bytesMax }: LogFileOptions): DestinationStream {
  let fd = openOrExplain(given);
  // A link stays, and the file that it leads to is rotated, beside its own old ones.
  const path = realpathSync(given);
  const isRotated = fstatSync(fd).isFile() && !/^\/(proc\/|dev\/(std|fd\/))/.test(given);
  const unwritten: Buffer[] = [];
  let unwrittenBytes = 0;
  let bytesSinceCheck = 0;
  let checkedAtMs = performance.now();
  check();

  /** Follows a file that was rotated or removed by somebody else, and rotates a full one. */
  function check(): void {
    bytesSinceCheck = 0;
    checkedAtMs = performance.now();
    try {
      const named = statSync(path, { throwIfNoEntry: false });
      const isOurs = named !== undefined && named.ino === fstatSync(fd).ino;
      if (!isRotated || (isOurs && named.size < bytesMax)) return;
      if (isOurs) renameSync(path, `${path}.${timeName()}`);
      const before = fd;
      mkdirSync(dirname(path), { recursive: true });
      fd = openSync(path, 'a');
      closeSync(before);
      if (isOurs) removeOldest(path);
    } catch {
      // Without a new file the old one grows, which is better than no log; the next check tries again.
    }
  }

  function writeAll(): void {
    while (unwritten.length > 0) {
      const [first] = unwritten as [Buffer];
      const written = writeSync(fd, first);
      bytesSinceCheck += written;
      unwrittenBytes -= written;
      if (written < first.length) unwritten[0] = first.subarray(written);
      else unwritten.shift();
    }
  }

  return {
    write(line) {
      if (bytesSinceCheck >= CHECK_BYTES || performance.now() - checkedAtMs >= CHECK_MS) check();
      const bytes = Buffer.from(line);
      if (unwrittenBytes + bytes.length > UNWRITTEN_BYTES_MAX) return;
      unwritten.push(bytes);
      unwrittenBytes += bytes.length;
      try {
        writeAll();
      } catch {
        // A full disk must not fail the request or timer that logs. The line is written before the next one.
      }
    },
  };
}

function openOrExplain(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'a');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new AppError(
      'invalid_request',
      `PULSECART_LOG_FILE: ${path} cannot be written (${code ?? message}).`,
    );
  }
}

/** Sorts by time, and differs between processes. */
function timeName(): string {
  return `${new Date().toISOString().replaceAll(':', '-')}-${process.pid}`;
}

const TIME_NAME = /^\d{4}-\d\d-\d\dT[\d.-]+Z-\d+$/;

function removeOldest(path: string): void {
  const prefix = `${basename(path)}.`;
  const old = readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix) && TIME_NAME.test(name.slice(prefix.length)))
    .toSorted();
  for (const name of old.slice(0, -OLD_FILES_MAX)) {
    try {
      unlinkSync(join(dirname(path), name));
    } catch {
      // Another process was faster.
    }
  }
}
