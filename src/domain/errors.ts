/**
 * What can fail, as opposed to what can be refused. A refusal (`sold_out`, `limit_reached`, …) is an expected outcome
 * and travels as a value; an AppError is thrown.
 *
 * - `invalid_request` the caller's input is wrong; `message` names the field. Nothing was done.
 * - `unavailable` a backend surely did not do the work; a retry is safe.
 * - `outcome_unknown` a backend may or may not have done the work; only a retry with the same ids finds out.
 * - `overloaded` a bound was reached before any work was done.
 * - `unusable_store` a store cannot be used at all (corrupt, newer schema, held by another process); start-up stops.
 */
export type ErrorCode =
  | 'invalid_request'
  | 'unavailable'
  | 'outcome_unknown'
  | 'overloaded'
  | 'unusable_store';

export class AppError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'AppError';
    this.code = code;
  }
}

/** True for an AppError with this code. */
export function isAppError(error: unknown, code: ErrorCode): error is AppError {
  return error instanceof AppError && error.code === code;
}
