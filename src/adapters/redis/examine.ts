import type { Check } from '../../ports/backends.ts';
import { openRedisGate } from './gate.ts';
import { openRedisLink } from './link.ts';

/** Checks a Redis as a server would use it. Rejects like `openRedisLink`. */
export async function examineRedis(url: string, namespace: string): Promise<Omit<Check, 'name'>> {
  const link = await openRedisLink(url);
  try {
    // Opening the gate runs its script, and so tests its permissions.
    await (await openRedisGate(link, { namespace })).close();
    return { state: 'ok', detail: `${await link.serverVersion()} at ${link.at}` };
  } finally {
    await link.close();
  }
}
