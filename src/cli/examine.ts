import { Database } from 'bun:sqlite';
import type { Config } from '../config.ts';
import type { Check } from '../ports/backends.ts';
import { examineBackends, examineProvider } from '../tools.ts';
import { checkBuyers } from './buyers-check.ts';
import { checkRunningHost } from './host-checks.ts';
import { checkOperators } from './operators-check.ts';
import { checkSettings, liveStreams } from './setting-checks.ts';

/** What an operator should know of a server that runs: the checks of `doctor`, but for its address. */
export async function examineHere(config: Config): Promise<Check[]> {
  return [
    ...checkSettings(config),
    liveStreams(config),
    ...(await checkBuyers(config)),
    ...(await checkOperators(config)),
    ...(await checkRunningHost(config)),
    // The embedded store is open, so it is well; to look through its file again would keep this thread from its buyers.
    ...(config.urls === null ? [embeddedStore()] : await examineBackends(config)),
    ...(await examineProvider(config)),
  ];
}

function embeddedStore(): Check {
  using db = new Database(':memory:');
  const { version } = db.query<{ version: string }, []>('SELECT sqlite_version() AS version').get()!;
  return { name: 'SQLite', state: 'ok', detail: `${version}, in this process` };
}
