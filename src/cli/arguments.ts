import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { AppError } from '../domain/errors.ts';

/** A mistake in how a command was called: one line, exit status 2. */
export class UsageError extends AppError {
  constructor(message: string) {
    super('invalid_request', message);
  }
}

/** Values of `options` in `argv`; throws UsageError for a flag or a word that is not one of them. */
export function readArguments<const T extends ParseArgsOptionsConfig>(argv: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    const accepted = Object.keys(options).map((name) => `--${name}`);
    const [problem] = (error as Error).message.split(/[.\n]/, 1);
    throw new UsageError(`${problem}. Accepted: ${accepted.join(', ')}`);
  }
}
