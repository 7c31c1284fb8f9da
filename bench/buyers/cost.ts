import { pairedCost, type Side } from '../paired-cost.ts';
import { SYNC_PURCHASE, targetOf } from '../requests.ts';

/**
 * What it costs a purchase that buyers prove who they are:
 *
 *   bun bench/buyers/cost.ts [sessions | tokens] [seconds of a turn] [rounds]
 *
 * Prints JSON. With `sessions` each buyer has exchanged the shop's token for a session before; with `tokens` each brings a token by HS256 that
 * the server has not seen. Without either the body names the customer.
 */
const BUYERS = 20_000;
const AT_ONCE = 50;
const SECRET = 'a secret of this benchmark alone, forty chars';

const [how = 'sessions', ...numbers] = Bun.argv.slice(2);
const [seconds = 3, rounds = 7] = numbers.map(Number);
const known: Side = {
  env: { PULSECART_AUTH_SECRET: SECRET },
  async requests({ url }) {
    const write = purchasesTo(url);
    if (how === 'tokens') return (n) => write('', tokenOf(n));
    const sessions = await sessionsOf(url);
    return (n) => write('', sessions[n % BUYERS]!);
  },
};
const named: Side = {
  env: {},
  async requests({ url }) {
    const write = purchasesTo(url);
    return (n) => write(`buyer-${n}`, null);
  },
};
console.log(JSON.stringify(await pairedCost(named, known, seconds, rounds), null, 1));

function purchasesTo(url: string): (userId: string, bearer: string | null) => Uint8Array {
  const { host } = targetOf(url);
  return (userId, bearer) => {
    const body = JSON.stringify({ productId: 1, quantity: 1, ...(userId !== '' && { userId }) });
    const authorization = bearer === null ? '' : `Authorization: Bearer ${bearer}\r\n`;
    return Buffer.from(
      `POST ${SYNC_PURCHASE} HTTP/1.1\r\nHost: ${host}\r\n${authorization}` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      'latin1',
    );
  };
}

async function sessionsOf(url: string): Promise<readonly string[]> {
  const sessions: string[] = [];
  for (let n = 0; n < BUYERS; n += AT_ONCE) {
    const some = Array.from({ length: AT_ONCE }, async (_, i) => {
      const headers = { Authorization: `Bearer ${tokenOf(n + i)}` };
      const response = await fetch(`${url}/api/v1/session`, { method: 'POST', headers });
      return ((await response.json()) as { readonly token: string }).token;
    });
    sessions.push(...(await Promise.all(some)));
  }
  return sessions;
}

/** As a shop signs it. */
function tokenOf(n: number): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: `buyer-${n}`, exp: 4e9 })}`;
  return `${text}.${new Bun.CryptoHasher('sha256', SECRET).update(text).digest('base64url')}`;
}
