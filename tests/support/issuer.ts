import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

/** An issuer of tokens, with its public keys over HTTP. `await using` ends it. */
export interface Issuer extends AsyncDisposable {
  readonly url: string;
  /** What it answers from now on, in place of its keys; null: the keys. */
  answer(instead: (() => Response | Promise<Response>) | null): void;
  /** Signs with a new key from now on, and names only that. */
  rotate(): Promise<void>;
  /** How often it was asked for its keys. */
  asked(): number;
  sign(claims: JWTPayload, more?: { readonly kid?: string }): Promise<string>;
  /** Ends; what asks then is refused. */
  stop(): Promise<void>;
}

export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'shop';

/** A token under a shared secret, good for an hour unless its claims say otherwise. */
export function signWith(secret: string, claims: object): Promise<string> {
  return new SignJWT({ exp: Math.floor(Date.now() / 1000) + 3_600, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secret));
}

export async function startIssuer(alg: 'ES256' | 'RS256' | 'EdDSA' = 'ES256'): Promise<Issuer> {
  let count = 0;
  let asked = 0;
  let instead: (() => Response | Promise<Response>) | null = null;
  const next = async () => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const kid = `key-${++count}`;
    return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
  };
  let key = await next();
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch() {
      asked++;
      return instead === null ? Response.json({ keys: [key.jwk] }) : instead();
    },
  });
  return {
    url: `${server.url}jwks.json`,
    answer(what) {
      instead = what;
    },
    async rotate() {
      key = await next();
    },
    asked: () => asked,
    sign: (claims, { kid = key.kid } = {}) =>
      new SignJWT({ iss: ISSUER, aud: AUDIENCE, exp: Math.floor(Date.now() / 1000) + 3_600, ...claims })
        .setProtectedHeader({ alg, kid })
        .sign(key.privateKey),
    stop: () => server.stop(true),
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}
