import type { Config } from '../config.ts';
import type { Check } from '../ports/backends.ts';

/** Whether tokens of buyers can be checked; nothing where buyers are not identified. */
export async function checkBuyers({ auth }: Config): Promise<Check[]> {
  if (auth === null) return [];
  const { key, issuer } = auth;
  const said = (state: Check['state'], detail: string): Check[] => [{ name: 'buyers', state, detail }];
  if ('secret' in key) return said('ok', 'known by tokens under the shared secret');
  try {
    if ('file' in key) {
      const { readKeyFile } = await import('../http/buyers/key-file.ts');
      readKeyFile(key.file);
      return said('ok', `known by tokens of ${issuer}, by the key in ${key.file}`);
    }
    const { fetchKeys } = await import('../http/buyers/remote-keys.ts');
    const { keys } = await fetchKeys(key.jwksUrl);
    return said('ok', `known by tokens of ${issuer}, public keys: ${keys.length}`);
  } catch (error) {
    const { message } = error as Error;
    if ('file' in key) return said('broken', message);
    // A server starts without them, and asks again.
    return said('note', `the keys of ${issuer} cannot be read: ${message}`);
  }
}
