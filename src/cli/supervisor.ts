import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { requireFreeAddress } from '../lib/address.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Log } from '../telemetry/log.ts';
import { EndedEarly, type Exit, type Instance, startInstance } from './instance.ts';
import { stopInTime, stopSignal } from './lifetime.ts';

/** One of the processes that there should be. */
interface Place {
  /** Who has it; null while a process is being started for it. */
  holder: Instance | null;
  /** Resolves when somebody has it (again), or when everything stops. */
  filled: Promise<void>;
}

/** Pauses before another start; a backend that is away for a minute should find its instances soon back. */
const RESTART_MS_FIRST = 100;
const RESTART_MS_MAX = 5_000;

/**
 * Several server processes on one port (SO_REUSEPORT: the system spreads new connections over them). The supervisor serves
 * nothing itself: it starts them, starts again what dies, and on SIGHUP replaces one after the other.
 *
 * A replacement takes requests before the one that it replaces stops, and that one answers with `Connection: close` for a
 * while before it closes its socket; so clients move over without a failed request.
 *
 * A SIGHUP means every process that was started before it, those included that are not ready yet. SIGHUPs that come during
 * a replacement prolong it: the end is said once, when no process is older than the last of them.
 */
export async function superviseInstances(
  argv: readonly string[],
  config: Config,
  log: Log,
  onReady: (url: URL) => void,
): Promise<number> {
  const stopped = stopSignal();
  let stopping = false;
  let port = config.port;
  /** SIGHUPs so far. */
  let hangups = 0;
  /** Every process that has not ended, with the SIGHUPs that had come when it was started. */
  const living = new Map<Instance, number>();
  const allStarted = Promise.withResolvers<void>();
  const places = Array.from({ length: config.instances }, (): Place => {
    return { holder: null, filled: allStarted.promise };
  });

  /** Starts a process, which has the place as soon as it is ready. Rejects with EndedEarly. */
  async function start(place: Place): Promise<Instance> {
    const instance = startInstance(argv, port, config.startTimeoutMs);
    living.set(instance, hangups);
    void instance.ended.then(() => living.delete(instance));
    port = Number((await instance.ready).port);
    place.holder = instance;
    void instance.ended.then((exit) => {
      if (instance.isLeaving) return;
      log.error({ pid: instance.pid, exit }, 'an instance has ended; another one is started');
      // While it is being replaced the other one is on its way.
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
        log.error({ err: error }, 'an instance does not start; it is tried again');
        await sleep(backoffMs(failures, RESTART_MS_FIRST, RESTART_MS_MAX));
      }
    }
  }

  let isReplacing = false;
  async function replaceOld(): Promise<void> {
    if (isReplacing) return;
    isReplacing = true;
    for (let goesOn = true; goesOn; ) {
      // Those that are starting are waited for: they may be old, too.
      for (let vacant = findVacant(); vacant && !stopping; vacant = findVacant()) await vacant.filled;
      if (stopping) break;
      const place = places.find(({ holder }) => holder && living.get(holder)! < hangups);
      if (!place) {
        log.info('all instances replaced');
        break;
      }
      const heard = hangups;
      // After a failure a later SIGHUP is another try: somebody may have put the program right meanwhile.
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
      if (!stopping) log.error({ err: error }, 'a replacement does not start; what runs goes on running');
      return false;
    }
  }

  async function startAll(): Promise<URL> {
    // The first one migrates the database and finds out the port; what stops it would stop the others, too.
    const [first, ...others] = places as [Place, ...Place[]];
    const { ready } = await start(first);
    await Promise.all(others.map(start));
    return ready;
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
  try {
    const ready = await Promise.race([startAll(), stopped]);
    if (ready instanceof URL) {
      onReady(ready);
      allStarted.resolve();
    }
  } catch (error) {
    await stopAll();
    if (error instanceof EndedEarly && typeof error.exit === 'number' && error.exit !== 0) return error.exit;
    throw error;
  }
  let exits: readonly Exit[] = [];
  await stopInTime(log, await stopped, async () => {
    exits = await stopAll();
  });
  return exits.every((exit) => exit === 0) ? 0 : 1;
}
