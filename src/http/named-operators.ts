import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { AppError } from '../domain/errors.ts';
import { isRole, type Operator, ROLES } from '../domain/operator.ts';
import { weaknessOf } from '../lib/weak-token.ts';
import type { Log } from '../telemetry/log.ts';
import { JWT } from './buyers/verified-tokens.ts';
import { ACTOR_EXPECTED, isActor } from './operator-request.ts';

/** Operators with a token each, as the file of them says now. */
export interface NamedOperators {
  /** Whose token it is; null: nobody's. */
  find(token: string): Operator | null;
  close(): void;
}

/** More people than operate one shop; a file of as many, with three tokens each, fits into `BYTES_MAX`. */
const OPERATORS_MAX = 1_000;
const BYTES_MAX = 512 * 1024;
/** The old token and the new one while they change, and one more. */
const TOKENS_EACH_MAX = 3;
const TOKEN_CHARS_MIN = 16;
const TOKEN_CHARS_MAX = 1_000;
/** Mistakes that are named; of a file of something else there would be thousands. */
const MISTAKES_MAX = 20;
const FIELDS = ['name', 'role', 'tokenSha256', 'token'];
/** Soon after a token is known to be stolen; a look at the file takes microseconds. */
const LOOK_EVERY_MS = 1_000;

/**
 * Reads the file, and again whenever it changes: a new list counts within a second, also where the old one is used. Throws AppError
 * `invalid_request` that names every mistake; one that comes later is logged, and the list of before stays.
 */
export function openNamedOperators(
  path: string,
  log: Pick<Log, 'info' | 'warn'>,
  lookEveryMs = LOOK_EVERY_MS,
): NamedOperators {
  let seen = stampOf(path);
  let byToken = readOperatorsFile(path);

  function look(): void {
    // Before the file is read, so that what is written meanwhile is seen at the next look.
    const stamp = stampOf(path);
    if (stamp === seen) return;
    seen = stamp;
    try {
      byToken = readOperatorsFile(path);
      log.info({ operators: countOf(byToken) }, 'the list of operators has changed');
    } catch (error) {
      log.warn(`${(error as Error).message} The operators of before stay.`);
    }
  }

  const timer = setInterval(look, lookEveryMs).unref();
  return {
    // By the digest: how long a look takes tells nothing of the tokens.
    find: (token) => byToken.get(digestOf(token)) ?? null,
    close: () => clearInterval(timer),
  };
}

type ByToken = ReadonlyMap<string, Operator>;

/** As the file has it: SHA-256 in hexadecimal digits. */
export function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** One operator may have several tokens. */
export function countOf(byToken: ByToken): number {
  return new Set(byToken.values()).size;
}

/** Differs where the file does, also where its place was taken by another one. */
function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}` : 'none';
}

/** Operators by the digests of their tokens. */
export function readOperatorsFile(path: string): ByToken {
  const refused = (why: string) =>
    new AppError('invalid_request', `PULSECART_OPERATORS_FILE ${path} ${why}.`);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw refused(`cannot be read: ${(error as NodeJS.ErrnoException).code ?? error}`);
  }
  if (bytes.length > BYTES_MAX) throw refused(`has ${bytes.length} bytes, and ${BYTES_MAX} are the most`);
  let list: unknown;
  try {
    list = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw refused('is no JSON');
  }
  if (!Array.isArray(list)) throw refused('must be a list: [{"name": …, "role": …, "tokenSha256": …}, …]');
  if (list.length === 0) throw refused('names no operator');
  if (list.length > OPERATORS_MAX)
    throw refused(`has ${list.length} operators, and ${OPERATORS_MAX} are the most`);
  const { byToken, mistakes } = readOperators(list);
  if (mistakes.length === 0) return byToken;
  const more = mistakes.length - MISTAKES_MAX;
  throw refused(
    `is not taken: ${mistakes.slice(0, MISTAKES_MAX).join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
  );
}

/** Mistakes by their entries, the first of each; none repeats a token. */
function readOperators(list: readonly unknown[]): { byToken: ByToken; mistakes: string[] } {
  const byToken = new Map<string, Operator>();
  const names = new Set<string | null>();
  const mistakes: string[] = [];
  for (const [i, entry] of list.entries()) {
    const read = readEntry(entry);
    if (typeof read === 'string') {
      mistakes.push(`entry ${i + 1} ${read}`);
      continue;
    }
    const { operator, digests } = read;
    if (names.has(operator.name))
      mistakes.push(`entry ${i + 1} has the name ${operator.name}, as one before it`);
    if (digests.some((digest) => byToken.has(digest))) {
      mistakes.push(`entry ${i + 1} (${operator.name}) has the token of one before it`);
    }
    names.add(operator.name);
    for (const digest of digests) byToken.set(digest, operator);
  }
  return { byToken, mistakes };
}

/** What is wrong with it, or the operator. */
function readEntry(
  entry: unknown,
): { readonly operator: Operator; readonly digests: readonly string[] } | string {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return 'is no object';
  const { name, role, tokenSha256, token } = entry as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || !isActor(name)) {
    return `needs ${ACTOR_EXPECTED}`;
  }
  const unknown = Object.keys(entry).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) {
    return `(${name}) has a field ${JSON.stringify(unknown.slice(0, 40))}, which is none of ${FIELDS.join(', ')}`;
  }
  if (!isRole(role)) return `(${name}) needs a role: ${ROLES.join(', ')}`;
  if ((tokenSha256 === undefined) === (token === undefined))
    return `(${name}) needs either tokenSha256 or token`;
  const digests = tokenSha256 === undefined ? digestsOfPlain(token) : digestsIn(tokenSha256);
  return typeof digests === 'string' ? `(${name}): ${digests}` : { operator: { name, role }, digests };
}

function digestsIn(given: unknown): readonly string[] | string {
  const all = Array.isArray(given) ? given : [given];
  const isFine = all.length > 0 && all.length <= TOKENS_EACH_MAX && all.every(isDigest);
  if (!isFine)
    return `tokenSha256 must be 64 hexadecimal digits, or a list of up to ${TOKENS_EACH_MAX} such texts`;
  return all.map((digest: string) => digest.toLowerCase());
}

function isDigest(text: unknown): boolean {
  return typeof text === 'string' && /^[\da-f]{64}$/i.test(text);
}

function digestsOfPlain(token: unknown): readonly string[] | string {
  if (typeof token !== 'string' || !/^[!-~]+$/.test(token))
    return 'token must have visible ASCII characters only';
  if (token.length < TOKEN_CHARS_MIN || token.length > TOKEN_CHARS_MAX) {
    return `token must have ${TOKEN_CHARS_MIN} to ${TOKEN_CHARS_MAX} characters`;
  }
  if (JWT.test(token)) return 'token must not look like a JWT, with dots between three parts';
  const weakness = weaknessOf(token);
  return weakness === null ? [digestOf(token)] : `token is too easy to guess: ${weakness}`;
}
