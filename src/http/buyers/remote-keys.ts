import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { AppError } from '../../domain/errors.ts';
import type { Log } from '../../lib/log.ts';

/** The issuer's public keys, over HTTP. */
export interface RemoteKeys {
  /** The key that a token names. Rejects `unavailable` while that cannot be known, and JWKSNoMatchingKey when there is none. */
  readonly keyFor: JWTVerifyGetKey;
  /** Fetches them before the first token asks. */
  warm(): void;
}

export interface RemoteKeysOptions {
  readonly monotonicMs?: () => number;
  readonly log: Pick<Log, 'warn'>;
}

/** Keys are read again after so long, in the background. */
const FRESH_MS = 600_000;
/** At most so often for a key that is not among them: a forger names a new one each time. */
const COOLDOWN_MS = 30_000;
/** At most so often while there are none. */
const FIRST_COOLDOWN_MS = 2_000;
/** A purchase that waits for the first keys is answered within its three seconds. */
const TIMEOUT_MS = 2_000;
/** Issuers have some ten keys, of a kilobyte each. */
const BYTES_MAX = 256 * 1024;
const KEYS_MAX = 100;

/**
 * Keeps the keys that were read last for as long as the issuer is away or answers something else: whoever holds a token of a known key
 * still buys. (jose's own `createRemoteJWKSet` forgets them after ten minutes, and reads an answer of any size.)
 */
export function createRemoteKeys(
  url: string,
  { monotonicMs = () => performance.now(), log }: RemoteKeysOptions,
): RemoteKeys {
  let keys: JWTVerifyGetKey | null = null;
  let readAtMs = Number.NEGATIVE_INFINITY;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  /** When they were last read for a key that was not among them. */
  let missedAtMs = Number.NEGATIVE_INFINITY;
  let hasFailed = false;
  let reading: Promise<void> | null = null;

  /** Never rejects. Several callers share one request. */
  function readAgain(): Promise<void> {
    triedAtMs = monotonicMs();
    reading ??= fetchKeys(url)
      .then((set) => createLocalJWKSet(set) as JWTVerifyGetKey)
      .then(
        (read) => {
          keys = read;
          readAtMs = monotonicMs();
          hasFailed = false;
        },
        (error) => {
          hasFailed = true;
          const kept = keys === null ? 'there are none yet' : 'the last ones stay';
          log.warn(`The issuer's keys could not be read, ${kept}: ${(error as Error).message}`);
        },
      )
      .finally(() => {
        reading = null;
      });
    return reading;
  }

  function mayTry(): boolean {
    return reading !== null || monotonicMs() - triedAtMs >= (keys === null ? FIRST_COOLDOWN_MS : COOLDOWN_MS);
  }

  /** The issuer may have changed its keys a second after they were read, so its first new key is looked for at once. */
  async function readForMissing(): Promise<boolean> {
    if (reading === null && monotonicMs() - missedAtMs < COOLDOWN_MS) return false;
    missedAtMs = monotonicMs();
    await readAgain();
    return !hasFailed;
  }

  return {
    warm: () => void readAgain(),
    async keyFor(header, token) {
      if (keys === null && mayTry()) await readAgain();
      if (keys === null) throw unknown();
      if (monotonicMs() - readAtMs >= FRESH_MS && mayTry()) void readAgain();
      try {
        return await keys(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        if (await readForMissing()) return keys(header, token);
        // The issuer may have changed its keys, and it cannot be asked.
        throw hasFailed ? unknown() : error;
      }
    },
  };
}

function unknown(): AppError {
  return new AppError('unavailable', "The issuer's keys could not be read.");
}

/** The keys that are there now. Rejects with what is wrong, in words for operators. */
export async function fetchKeys(url: string): Promise<JSONWebKeySet> {
  const response = await fetch(url, {
    headers: { Accept: 'application/jwk-set+json, application/json' },
    // Keys come from where the setting says, or not at all.
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`it answered ${response.status}`);
  }
  return readKeySet(await readText(response));
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > BYTES_MAX) throw new Error(`its answer is larger than ${BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Keys that are for others to sign with: public, and of asymmetric kinds. */
function readKeySet(text: string): JSONWebKeySet {
  let set: Partial<JSONWebKeySet> | null;
  try {
    set = JSON.parse(text);
  } catch {
    throw new Error('its answer is no JSON');
  }
  if (!Array.isArray(set?.keys)) throw new Error('its answer has no "keys"');
  const keys = set.keys.filter((key) => key?.kty !== 'oct').slice(0, KEYS_MAX);
  if (keys.length === 0) throw new Error('its answer has no public key');
  return { keys };
}
