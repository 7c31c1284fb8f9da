import type { Check } from '../../ports/backends.ts';
import { openRedisGate } from './gate.ts';
import { openRedisLink } from './link.ts';

/** Looks at a Redis as a server would use it. Rejects like `openRedisLink`. */
export async function examineRedis(url: string, namespace: string): Promise<Omit<Check, 'name'>> {
  const link = await openRedisLink(url);
  try {
    // Opening the gate tries its script, and so its rights.
    await (await openRedisGate(link, { namespace })).close();
    return { state: 'ok', detail: `${await link.serverVersion()} at ${link.at}` };
  } finally {
    await link.close();
  }
}
