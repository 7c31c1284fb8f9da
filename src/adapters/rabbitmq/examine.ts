import type { Check } from '../../ports/backends.ts';
import { connectOnce, readTarget, serverVersionOf } from './connect.ts';

/** Checks a broker as a server would use it. Rejects like `openRabbitQueue`. */
export async function examineRabbit(url: string, namespace: string): Promise<Omit<Check, 'name'>> {
  const target = readTarget(url);
  const connection = await connectOnce(target, `${namespace} doctor`);
  const detail = `${serverVersionOf(connection)}, ${target.shown}`;
  await connection.close();
  return { state: 'ok', detail };
}
