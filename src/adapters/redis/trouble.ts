import { AppError } from '../../domain/errors.ts';
import { type RedisAddress, showAddress } from './address.ts';

/**
 * Translates Redis errors into AppErrors. Their messages and causes are plain text with every password removed: the
 * client's own errors carry the failed command, which may be the login.
 */
export interface RedisTrouble {
  /** A command failed: `unavailable` when it was surely not done, `outcome_unknown` when it was sent. */
  ofCommand(error: unknown): AppError;
  /** The opening failed: `unavailable` when it may pass, `unusable_store` when an operator must act. */
  ofOpening(error: unknown): AppError;
  /** No answer in time. */
  late(timeoutMs: number): AppError;
}

export function createTrouble(address: RedisAddress): RedisTrouble {
  const redis = `Redis at ${showAddress(address)}`;
  const secrets = [address.password, address.kind === 'sentinel' ? address.sentinelPassword : null];

  function textOf(error: unknown): string {
    // A cluster reports that all nodes failed, and keeps the last node's error.
    const cause = error instanceof Error && 'lastNodeError' in error ? error.lastNodeError : error;
    let text = cause instanceof Error ? cause.message : String(cause);
    for (const secret of secrets) if (secret) text = text.replaceAll(secret, '***');
    return text.split('\n', 1)[0]!;
  }

  return {
    ofCommand(error) {
      if (error instanceof AppError) return error;
      const text = textOf(error);
      if (NOT_SENT.test(text)) return new AppError('unavailable', `${redis}: there is no connection.`);
      if (CUT_OFF.test(text)) return new AppError('outcome_unknown', `${redis}: the connection was lost.`);
      const refused = error instanceof Error && error.name === 'ReplyError';
      return new AppError(refused ? 'unavailable' : 'outcome_unknown', `${redis}: ${text}`);
    },
    ofOpening(error) {
      if (error instanceof AppError) return error;
      const text = textOf(error);
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      const known = OPENING.find(({ pattern }) => pattern.test(text) || pattern.test(code));
      if (!known) return new AppError('unavailable', `${redis} cannot be used: ${text}`);
      return new AppError(known.code ?? 'unusable_store', `${redis} ${known.says.replace('$', text)}.`);
    },
    late(timeoutMs) {
      return new AppError('outcome_unknown', `${redis} did not answer within ${timeoutMs} ms.`);
    },
  };
}

/** The client's messages for an unsent command, and for one in flight when the connection ended. */
const NOT_SENT = /enableOfflineQueue options is false/;
const CUT_OFF = /max retries per request|Connection is closed/;

const OPENING: readonly { pattern: RegExp; says: string; code?: 'unavailable' }[] = [
  { pattern: /^WRONGPASS|invalid password/, says: 'refused the user name or password of its URL' },
  { pattern: /^NOAUTH/, says: 'wants a password, and its URL has none' },
  { pattern: /^NOPERM/, says: 'does not permit what is needed: $' },
  { pattern: /DB index is out of range/, says: 'does not have the database that its URL names' },
  { pattern: /^READONLY/, says: 'is a read-only replica; its URL must lead to the primary' },
  { pattern: /^MOVED/, says: 'is a node of a cluster; its URL must begin with redis+cluster://' },
  {
    pattern: /cluster support disabled/,
    says: 'is no cluster; its URL must begin with redis:// or rediss://',
  },
  { pattern: /^OOM/, says: 'has no memory left: $', code: 'unavailable' },
  {
    pattern: /certificate|altname|self[- ]signed/i,
    says: 'has a certificate that is not trusted ($); name its authority with ?ca=<file>',
  },
  { pattern: /ECONNREFUSED/, says: 'cannot be reached: connection refused', code: 'unavailable' },
  {
    pattern: /ENOTFOUND|EAI_AGAIN/,
    says: 'cannot be reached: its host name is unknown',
    code: 'unavailable',
  },
  { pattern: /All sentinels are unreachable/, says: 'cannot be found: $', code: 'unavailable' },
  {
    pattern: /ETIMEDOUT|Connection is closed|Command timed out|ECONNRESET/,
    says: 'did not greet (no server there, a wrong port, or TLS on one side only?)',
    code: 'unavailable',
  },
];
