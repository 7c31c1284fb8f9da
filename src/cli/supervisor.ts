import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { requireFreeAddress } from '../lib/address.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Log } from '../telemetry/log.ts';
import { createGatherer } from './gatherer.ts';
import { type Addresses, EndedEarly, type Exit, type Instance, startInstance } from './instance.ts';
import { stopInTime, stopSignal } from './lifetime.ts';
import { serveManagement } from './management.ts';

/** The place of one configured process. */
interface Place {
  readonly managementPort: number | null;
  /** Its instance; null while one is being started. */
  holder: Instance | null;
  /** Resolves when it has an instance (again), or when the supervisor stops. */
  filled: Promise<void>;
}

/** Pauses before another start; after a backend's outage of a minute the instances should soon be back. */
const RESTART_MS_FIRST = 100;
const RESTART_MS_MAX = 5_000;

/**
 * Several server processes on one port (SO_REUSEPORT: the system spreads new connections over them). The supervisor serves
 * no requests: it starts the processes, restarts those that die, and on SIGHUP replaces one after the other.
 *
 * A replacement takes requests before the old process stops, and the old one answers with `Connection: close` for a while
 * before it closes its socket; so clients move over without a failed request.
 *
 * A SIGHUP replaces every process that was started before it, including those that are not ready yet. SIGHUPs during a
 * replacement prolong it: the end is logged once, when no process is older than the last SIGHUP.
 */
export async function superviseInstances(
  argv: readonly string[],
  config: Config,
  log: Log,
  onReady: (addresses: Addresses) => void,
): Promise<number> {
  const stopped = stopSignal();
  let stopping = false;
  let port = config.port;
  /** SIGHUPs so far. */
  let hangups = 0;
  /** Every running process, with the count of SIGHUPs at its start. */
  const living = new Map<Instance, number>();
  const allStarted = Promise.withResolvers<void>();
  const places = Array.from({ length: config.instances }, (_, i): Place => {
    return { managementPort: ownPort(config, i), holder: null, filled: allStarted.promise };
  });
  const gatherer = createGatherer(config.instances);
  const onScrape = (asker: Instance, id: number) =>
    void gatherer.gather().then((families) => asker.tell({ families, id }));

  /** Starts a process, which takes the place as soon as it is ready. Rejects with EndedEarly. */
  async function start(place: Place): Promise<Instance> {
    const startTimeoutMs = config.startTimeoutMs + config.backendsWaitMs;
    const { managementPort } = place;
    const instance = startInstance(argv, { port, managementPort, startTimeoutMs, onScrape });
    living.set(instance, hangups);
    gatherer.add(instance);
    void instance.ended.then(() => living.delete(instance));
    port = Number((await instance.ready).url.port);
    place.holder = instance;
    void instance.ended.then((exit) => {
      if (instance.isLeaving) return;
      log.error({ pid: instance.pid, exit }, 'an instance has ended; another one is started');
      // During its replacement the new one is being started already.
      if (place.holder === instance) fill(place);
    });
    return instance;
  }

  function fill(place: Place): void {
    place.holder = null;
    place.filled = startAgain(place);
  }

  async function startAgain(place: Place): Promise<void> {
    for (let failures = 1; !stopping; failures++) {
      try {
        const { pid } = await start(place);
        return log.info({ pid }, 'instance started');
      } catch (error) {
        if (stopping) return;
        log.error({ err: error }, 'an instance did not start; it will be retried');
        await sleep(backoffMs(failures, RESTART_MS_FIRST, RESTART_MS_MAX));
      }
    }
  }

  let isReplacing = false;
  async function replaceOld(): Promise<void> {
    if (isReplacing) return;
    isReplacing = true;
    for (let goesOn = true; goesOn; ) {
      // Starting processes are awaited: they may be old, too.
      for (let vacant = findVacant(); vacant && !stopping; vacant = findVacant()) await vacant.filled;
      if (stopping) break;
      const place = places.find(({ holder }) => holder && living.get(holder)! < hangups);
      if (!place) {
        log.info('all instances replaced');
        break;
      }
      const heard = hangups;
      // After a failure a later SIGHUP is another try: an operator may have fixed the program meanwhile.
      goesOn = (await replace(place, place.holder!)) || hangups > heard;
    }
    isReplacing = false;
  }

  const findVacant = () => places.find(({ holder }) => !holder);

  async function replace(place: Place, old: Instance): Promise<boolean> {
    place.holder = null;
    try {
      const { pid } = await start(place);
      const exit = await old.replace();
      log.info({ pid, replaced: old.pid, exit }, 'instance replaced');
      return true;
    } catch (error) {
      if (living.has(old)) place.holder = old;
      else if (!stopping) fill(place);
      if (!stopping) log.error({ err: error }, 'a replacement did not start; the running instances stay');
      return false;
    }
  }

  async function startAll(): Promise<URL> {
    // The first one migrates the database and resolves the port; its failure would stop the others, too.
    const [first, ...others] = places as [Place, ...Place[]];
    const { ready } = await start(first);
    await Promise.all(others.map(start));
    return (await ready).url;
  }

  const stopAll = (): Promise<Exit[]> => {
    stopping = true;
    return Promise.all([...living.keys()].map((instance) => instance.stop()));
  };

  process.on('SIGHUP', () => {
    hangups++;
    void replaceOld();
  });
  await requireFreeAddress(config.host, config.port);
  for (const { managementPort } of places)
    if (managementPort) await requireFreeAddress(config.host, managementPort);
  const management =
    config.managementPort === null
      ? null
      : serveManagement({
          ...{ host: config.host, port: config.managementPort },
          scrape: gatherer.gather,
          instances: () => places.flatMap(({ holder }) => holder ?? []),
          log,
        });
  try {
    const ready = await Promise.race([startAll(), stopped]);
    if (ready instanceof URL) {
      onReady({ url: ready, managementUrl: management?.url ?? null });
      allStarted.resolve();
    }
  } catch (error) {
    await stopAll();
    await management?.stop(true);
    if (error instanceof EndedEarly && typeof error.exit === 'number' && error.exit !== 0) return error.exit;
    throw error;
  }
  let exits: readonly Exit[] = [];
  await stopInTime(log, await stopped, async () => {
    exits = await stopAll();
    await management?.stop(true);
  });
  return exits.every((exit) => exit === 0) ? 0 : 1;
}

/** The ports of the instances follow the supervisor's own; each may be any when that one is. */
function ownPort({ managementPort }: Config, place: number): number | null {
  return managementPort ? managementPort + 1 + place : managementPort;
}
