import type { Config } from '../config.ts';
import { secretsIn } from '../lib/scrub.ts';
import { createLog, type Log, openLog } from '../telemetry/log.ts';
import { peopleLog } from '../telemetry/people-log.ts';
import { coloured } from './terminal.ts';

/** The log of a process that serves: lines for people where they sit at its terminal, JSON lines everywhere else. */
export function openServerLog(config: Config): Log {
  if (!isForPeople(config)) return openLog(config);
  // Ctrl-C shows as ^C at the margin, which the next line writes over.
  const write = (text: string) => void process.stdout.write(`\r${text}`);
  const lines = peopleLog({ write, paint: (text, colour) => coloured(text, colour) });
  return createLog(config.logLevel, lines, secretsIn(config));
}

export function isForPeople({ logFile }: Pick<Config, 'logFile'>): boolean {
  return logFile === null && process.stdout.isTTY === true;
}
