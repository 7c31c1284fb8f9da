import { AppError, type ErrorCode } from '../../domain/errors.ts';
import type { DecidedBatch } from '../../ports/deciding-queue.ts';
import type { Delivery } from '../../ports/queue.ts';

/**
 * Messages between the serving thread and the store thread. They are sent as JSON strings: a string crosses threads for a
 * third of the cost of a structured clone of the same objects. Messages with bodies of the queue, which are long strings
 * already, are cloned instead of being escaped again, and so is a secret, which is bytes. (Tuples instead of objects would
 * save another 0.25 µs per purchase, and cost a codec.)
 */
export type Sent = string | ToStore | FromStore;

/** Names the folder of the store that a store thread is to open next. */
export interface StoreFolder {
  readonly folder: string;
}

export function pack(message: ToStore | FromStore): Sent {
  const isCloned =
    message.type === 'deliver' ||
    (message.type === 'call' && message.method === 'publish') ||
    (message.type === 'result' && message.value instanceof Uint8Array);
  return isCloned ? message : JSON.stringify(message);
}

export function unpack<M extends ToStore | FromStore>(sent: Sent): M {
  return typeof sent === 'string' ? JSON.parse(sent) : (sent as M);
}

export type ToStore =
  | { readonly type: 'call'; readonly id: number; readonly method: string; readonly args: readonly unknown[] }
  /** Answers a `deliver` or `decided`; without `error` it was handled. */
  | { readonly type: 'handled'; readonly id: number; readonly error?: SentError };

export type FromStore =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly error: SentError }
  /** The files were deleted or replaced; no write is kept from now on. Sent before the result of the call that noticed it. */
  | { readonly type: 'lost'; readonly error: SentError }
  | { readonly type: 'result'; readonly id: number; readonly value?: unknown; readonly error?: SentError }
  | {
      readonly type: 'deliver';
      readonly id: number;
      readonly consumer: number;
      readonly deliveries: Delivery[];
    }
  /** Purchases of a consumer were decided in the store thread. `askedAtMs` counts from 1970, as the threads' own clocks differ. */
  | { readonly type: 'decided'; readonly id: number; readonly consumer: number; readonly batch: DecidedBatch }
  | { readonly type: 'trouble'; readonly error: SentError };

export interface SentError {
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly stack?: string | undefined;
}

export function packError(error: unknown): SentError {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: error instanceof AppError ? error.code : null, message, stack };
}

export function unpackError({ code, message, stack }: SentError): Error {
  const error = code ? new AppError(code, message) : new Error(message);
  if (stack) error.stack = stack;
  return error;
}
