import pino, { type Logger } from 'pino';

/** JSON lines on standard output, written in the process itself: a transport in a worker loses lines at exit. */
export type Log = Logger;

export function createLog(level: string): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: ['*.token', '*.authorization'] },
    pino.destination({ dest: 1, sync: true }),
  );
}
