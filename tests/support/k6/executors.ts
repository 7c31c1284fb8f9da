/** A scenario of a script's options. */
export interface Scenario {
  readonly name: string;
  readonly executor: string;
  /** The exported function that its users repeat. */
  readonly exec: string;
  readonly startMs: number;
  readonly gracefulStopMs: number;
  readonly startVus: number;
  readonly stages: readonly { readonly durationMs: number; readonly target: number }[];
}

/** One user who repeats the script's function. */
export interface Repeating {
  /** No further iteration. */
  stop(): void;
  /** The iteration under way does not count any more. */
  interrupt(): void;
  readonly ended: Promise<void>;
}

/** How finely the number of users follows its line. */
const TICK_MS = 20;
const DEFAULT_GRACEFUL_STOP_MS = 30_000;

export function readScenarios(given: Readonly<Record<string, Record<string, unknown>>>): Scenario[] {
  return Object.entries(given).map(([name, options]) => {
    const common = {
      name,
      executor: String(options.executor),
      exec: String(options.exec ?? 'default'),
      startMs: durationMs(options.startTime ?? 0),
      gracefulStopMs: durationMs(options.gracefulStop ?? DEFAULT_GRACEFUL_STOP_MS),
    };
    if (options.executor === 'constant-vus') {
      const vus = Number(options.vus ?? 1);
      return {
        ...common,
        startVus: vus,
        stages: [{ durationMs: durationMs(options.duration), target: vus }],
      };
    }
    if (options.executor === 'ramping-vus') {
      const stages = options.stages as { duration: unknown; target: number }[];
      return {
        ...common,
        startVus: Number(options.startVUs ?? 1),
        stages: stages.map(({ duration, target }) => ({ durationMs: durationMs(duration), target })),
      };
    }
    throw new Error(`the stand-in for k6 has no executor "${options.executor}" (scenario ${name})`);
  });
}

/**
 * Runs one scenario to its end: as many users as its stages say, each one repeating. Users who are no longer wanted end
 * after the iteration they are in; in the end they get `gracefulStop` for that. Answers how many were interrupted.
 */
export async function runScenario(
  scenario: Scenario,
  begin: (scenario: Scenario) => Repeating,
  isAborted: () => boolean,
): Promise<number> {
  await pauseUnless(isAborted, scenario.startMs);
  const startedAtMs = performance.now();
  const active: Repeating[] = [];
  const unfinished = new Set<Repeating>();
  for (;;) {
    const planned = plannedVus(scenario, performance.now() - startedAtMs);
    if (planned === null || isAborted()) break;
    while (active.length > planned) active.pop()!.stop();
    while (active.length < planned) {
      const user = begin(scenario);
      active.push(user);
      unfinished.add(user);
      void user.ended.then(() => unfinished.delete(user));
    }
    await Bun.sleep(TICK_MS);
  }
  for (const user of active) user.stop();
  const ended = Promise.all([...unfinished].map((user) => user.ended));
  await Promise.race([ended, Bun.sleep(isAborted() ? 0 : scenario.gracefulStopMs)]);
  for (const user of unfinished) user.interrupt();
  return unfinished.size;
}

/** How many users there are to be after this time; null once the stages are over. */
export function plannedVus({ startVus, stages }: Scenario, elapsedMs: number): number | null {
  let from = startVus;
  let beganAtMs = 0;
  for (const { durationMs, target } of stages) {
    const endsAtMs = beganAtMs + durationMs;
    if (elapsedMs < endsAtMs)
      return Math.round(from + ((target - from) * (elapsedMs - beganAtMs)) / durationMs);
    from = target;
    beganAtMs = endsAtMs;
  }
  return null;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `1m30s`, `500ms`, or a number of milliseconds. */
export function durationMs(given: unknown): number {
  if (typeof given === 'number') return given;
  const text = String(given);
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) throw new Error(`invalid duration "${text}"`);
  return [...text.matchAll(/([\d.]+)(ms|s|m|h)/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * UNITS_MS[unit!]!,
    0,
  );
}

async function pauseUnless(isAborted: () => boolean, ms: number): Promise<void> {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs && !isAborted())
    await Bun.sleep(Math.min(TICK_MS, endMs - performance.now()));
}
