import type { OperatorTrust } from '../operator.ts';
import type { Service } from '../service.ts';
import type { Buyers } from './buyers.ts';
import { readKeyFile } from './key-file.ts';
import { openBuyers } from './open-buyers.ts';
import { createRemoteKeys } from './remote-keys.ts';
import { SESSION_KEY_BYTES } from './session-token.ts';
import { createTokenVerifier, type TokenRules } from './token-verifier.ts';
import { createVerifiedTokens, type VerifiedTokens } from './verified-tokens.ts';

/** How buyers prove who they are, as it is set. */
export interface AuthSettings extends TokenRules {
  readonly key: { readonly jwksUrl: string } | { readonly secret: string } | { readonly file: string };
  readonly allowsAnonymous: boolean;
  readonly allowsGuests: boolean;
  readonly sessionMs: number;
}

export interface Given extends Pick<Service, 'ids' | 'clock' | 'log'> {
  readonly ledger: Pick<Service['ledger'], 'secret'>;
  readonly trust: OperatorTrust;
  readonly tokens: VerifiedTokens;
}

/** An issuer that is away stops no start: sessions and known tokens go on without it. Throws AppError `invalid_request` for a key file that is none. */
export function openTokensOf({ key, ...rules }: AuthSettings, { clock, log }: Pick<Given, 'clock' | 'log'>) {
  return createVerifiedTokens(createTokenVerifier(keyOf(key, log), rules, clock), clock);
}

/** Opens what these settings say. */
export async function openBuyersOf(
  { allowsAnonymous, allowsGuests, sessionMs }: AuthSettings,
  { ledger, ids, clock, trust, tokens }: Given,
): Promise<Buyers> {
  const sessionKey = await ledger.secret('buyer_sessions', SESSION_KEY_BYTES);
  return openBuyers({ tokens, sessionKey, sessionMs, allowsAnonymous, allowsGuests, ids, trust, clock });
}

function keyOf(key: AuthSettings['key'], log: Given['log']): Parameters<typeof createTokenVerifier>[0] {
  if ('secret' in key) return new TextEncoder().encode(key.secret);
  if ('file' in key) return readKeyFile(key.file);
  const keys = createRemoteKeys(key.jwksUrl, { log });
  keys.warm();
  return keys.keyFor;
}
