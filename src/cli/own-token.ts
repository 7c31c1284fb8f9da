import { closeSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { AppError } from '../domain/errors.ts';
import type { OperatorAccess } from '../http/operator.ts';
import { isLoopbackName } from '../lib/address.ts';

const FILE = 'operator-token';
const SHAPE = /^[0-9a-f]{64}$/;

type Settings = Pick<Config, 'operatorToken' | 'dataFolder'>;
type OperatorSettings = Settings & Pick<Config, 'mode' | 'operatorsFile' | 'auth'>;

/**
 * The configured token; or else one that the server makes itself, so that every user with read access to its data folder is an
 * operator. That token survives restarts, and all processes on one folder share it. Throws AppError `unavailable` when the
 * file cannot be created, or has other contents.
 */
export function operatorAccess({
  operatorToken,
  mode,
  dataFolder,
}: Settings & Pick<Config, 'mode'>): OperatorAccess {
  // In production mode there are others then: config.ts has seen to that.
  if (operatorToken !== null || mode === 'production')
    return { token: operatorToken, trustsThisMachine: false };
  const path = join(dataFolder, FILE);
  try {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    return { token: readToken(path) ?? makeToken(path), trustsThisMachine: true };
  } catch (error) {
    if (error instanceof AppError) throw error;
    const why = (error as Error).message;
    throw new AppError(
      'unavailable',
      `The token of operators cannot be kept in ${path}: ${why}. PULSECART_OPERATOR_TOKEN sets one instead.`,
      { cause: error },
    );
  }
}

/** The same as one readable line. */
export function whoOperates({
  operatorToken,
  operatorsFile,
  auth,
  mode,
  dataFolder,
}: OperatorSettings): string {
  const named = [
    operatorsFile === null ? [] : `those in ${operatorsFile}`,
    auth?.operatorClaim ? `bearers of tokens with ${auth.operatorClaim}` : [],
    operatorToken === null ? [] : 'holders of the token in PULSECART_OPERATOR_TOKEN',
  ].flat();
  if (operatorToken !== null || mode === 'production') return named.join('; ');
  const own = `users who can read ${join(dataFolder, FILE)}; init and reset by the same user here without. Behind a proxy set PULSECART_OPERATOR_TOKEN`;
  return [...named, own].join('; ');
}

/** The token of a server on this machine, for a command; null when none can be read. */
export function findOwnToken(url: string, dataFolder: string): string | null {
  if (!isLoopbackName(new URL(url).hostname)) return null;
  try {
    return readToken(join(dataFolder, FILE));
  } catch {
    return null;
  }
}

/** Deletes the token; the next start makes a new one. */
export function removeOwnToken(dataFolder: string): void {
  rmSync(join(dataFolder, FILE), { force: true });
}

function readToken(path: string): string | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  if (SHAPE.test(text)) return text;
  throw new AppError(
    'unavailable',
    `${path} holds no token of operators. Remove it, and the next start makes one.`,
  );
}

/** The file is linked to its name only when complete; a second process then uses the first one's token. */
function makeToken(path: string): string {
  const token = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex');
  const draft = `${path}.${process.pid}`;
  const file = openSync(draft, 'w', 0o600);
  try {
    writeSync(file, `${token}\n`);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, path);
    return token;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readToken(path)!;
  } finally {
    rmSync(draft, { force: true });
  }
}
