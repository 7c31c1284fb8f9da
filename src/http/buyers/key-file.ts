import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createLocalJWKSet, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose';
import { AppError } from '../../domain/errors.ts';

/** Reads public keys from a file: PEM, a JWK, or a set of them. Throws AppError `invalid_request`, in one line. */
export function readKeyFile(path: string): JWTVerifyGetKey {
  const refused = (why: string) => new AppError('invalid_request', `PULSECART_AUTH_KEY_FILE ${path} ${why}.`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw refused(`cannot be read: ${(error as NodeJS.ErrnoException).code ?? error}`);
  }
  if (/PRIVATE KEY/.test(text)) throw refused('has a private key: give the public one, and keep that away');
  const keys = text.includes('-----BEGIN') ? keysOfPem(text) : keysOfJson(text);
  if (keys === null) throw refused('is no public key as PEM, JWK or JWK set');
  if (keys.some((key) => key.kty === 'oct' || key.d !== undefined)) {
    throw refused('has a key that signs: give the public one; a shared secret is for PULSECART_AUTH_SECRET');
  }
  const keyFor = createLocalJWKSet({ keys } as JSONWebKeySet) as JWTVerifyGetKey;
  const [only] = keys;
  // A file of one key is that key, whatever tokens call it.
  return keys.length === 1 && only?.kid === undefined ? ({ alg }, token) => keyFor({ alg }, token) : keyFor;
}

function keysOfPem(text: string): JWK[] | null {
  try {
    return [createPublicKey(text).export({ format: 'jwk' }) as JWK];
  } catch {
    return null;
  }
}

function keysOfJson(text: string): JWK[] | null {
  try {
    const read = JSON.parse(text) as JWK & Partial<JSONWebKeySet>;
    const keys = Array.isArray(read?.keys) ? read.keys : [read];
    return keys.length > 0 && keys.every((key) => typeof key?.kty === 'string') ? keys : null;
  } catch {
    return null;
  }
}
