import { userInfo } from 'node:os';
import type { Client } from '../config.ts';
import { AppError } from '../domain/errors.ts';
import { writeHeaderText } from '../http/header-text.ts';
import { ACTOR_PATTERN } from '../http/schemas.ts';
import { isLoopbackName, NO_PROXY } from '../lib/address.ts';
import { findOwnToken } from './own-token.ts';

/** Calls a running server's HTTP API for commands. Every failure is one readable line. */
export interface Api {
  readonly url: string;
  /** That the calls bring. */
  readonly operatorToken: string | null;
  /** `isOurs` recognizes the route's own answer, as opposed to another program's. */
  get<Body>(path: string, isOurs: IsOurs<Body>): Promise<Body>;
  send<Body>(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
    isOurs?: IsOurs<Body>,
  ): Promise<Body>;
}

type IsOurs<Body> = (body: Partial<Body>) => boolean;

/** The server refused. */
export class ApiError extends AppError {
  readonly status: number;
  /** The server's error code, if any. */
  readonly refusal: string | null;
  constructor(status: number, message: string, refusal: string | null) {
    super('unavailable', message);
    this.status = status;
    this.refusal = refusal;
  }
}

/** The longest call ends thousands of dead letters; a server allows itself the same time. */
const CALL_TIMEOUT_MS = 120_000;

export function openApi({ url, dataFolder, ...client }: Client, timeoutMs = CALL_TIMEOUT_MS): Api {
  const own = dataFolder === null ? null : findOwnToken(url, dataFolder);
  const operatorToken = client.operatorToken ?? own;
  /** Null where the token itself names who calls. */
  let actor = operatorHere();

  async function call<Body>(
    method: string,
    path: string,
    body: unknown,
    isOurs: IsOurs<Body> | undefined,
  ): Promise<Body> {
    const request = {
      method,
      headers: {
        ...(operatorToken !== null && { Authorization: `Bearer ${operatorToken}` }),
        ...(actor !== null && { 'X-Operator': writeHeaderText(actor) }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    const { response, text } = await reach(url, path, timeoutMs, request);
    if (response.ok) {
      const answer = isJson(response) ? parse(text) : text;
      if (!isOurs || (typeof answer === 'object' && answer !== null && isOurs(answer))) return answer as Body;
      throw new ApiError(response.status, `The server at ${url} answered, but not as PulseCart does.`, null);
    }
    const { code } = said(text);
    if (code === 'operator_mismatch' && actor !== null) {
      actor = null;
      return call(method, path, body, isOurs);
    }
    throw new ApiError(response.status, refusalOf(response, text), code);
  }

  function refusalOf({ status }: Response, text: string): string {
    if (status === 401) {
      return operatorToken === null
        ? `The server at ${url} wants an operator: set PULSECART_OPERATOR_TOKEN to its token, or PULSECART_DATA to its data folder.`
        : `The server at ${url} refused the token in ${client.operatorToken === null ? `${dataFolder}/operator-token` : 'PULSECART_OPERATOR_TOKEN'}.`;
    }
    return `The server at ${url} answered ${status}: ${said(text).message}`;
  }

  return {
    url,
    operatorToken,
    get: (path, isOurs) => call('GET', path, undefined, isOurs),
    send: call,
  };
}

/** A server's answer, whatever its status. Rejects `unavailable` when there is none. */
export async function reach(
  url: string,
  path: string,
  timeoutMs: number,
  request: RequestInit = {},
): Promise<{ readonly response: Response; readonly text: string }> {
  try {
    const direct = isLoopbackName(new URL(url).hostname) ? NO_PROXY : {};
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url + path, { ...direct, ...request, signal });
    // The server may end while it answers.
    return { response, text: await response.text() };
  } catch (cause) {
    const late = (cause as Error).name === 'TimeoutError';
    throw new AppError(
      'unavailable',
      late
        ? `The server at ${url} did not answer within ${timeoutMs / 1000} s.`
        : `No server answers at ${url}. Start one with \`pulsecart serve\`, or name another with --url.`,
      { cause },
    );
  }
}

/** The local user's name for the audit log, if it is a valid one. */
export function operatorHere(): string | null {
  const username = userHere();
  return new RegExp(ACTOR_PATTERN, 'u').test(username) && username !== 'system' ? username : null;
}

/** Bun repeats the variable USER, and says `unknown` where a cron job or a container has none; `id` asks the system. */
function userHere(): string {
  const id = Bun.which('id');
  if (id !== null) return Bun.spawnSync([id, '-un']).stdout.toString().trim();
  try {
    return userInfo().username;
  } catch {
    // A container may run as a number that has no name.
    return '';
  }
}

/** The server's message, or the beginning of a foreign body. */
function said(text: string): { message: string; code: string | null } {
  const TEXT_CHARS_MAX = 200;
  try {
    const { message, detail, code } = JSON.parse(text) as Record<string, unknown>;
    const sentence = detail ?? message;
    if (typeof sentence === 'string') {
      return { message: sentence, code: typeof code === 'string' ? code : null };
    }
  } catch {
    // Not PulseCart's: a proxy's, or another program's.
  }
  const message = text.slice(0, TEXT_CHARS_MAX).replaceAll(/\s+/g, ' ').trim() || 'nothing more';
  return { message, code: null };
}

export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isJson(response: Response): boolean {
  return /\bjson\b/.test(response.headers.get('content-type') ?? '');
}
