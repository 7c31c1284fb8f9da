import { type Repeating, runScenario, type Scenario } from './executors.ts';
import type { BuiltInMetrics } from './metrics.ts';
import { copyOf, functionOf, messageOf, type Script } from './script.ts';
import { newVu, runAs, type Vu } from './vu.ts';

/** What users need of the run that they are in. */
export interface Load {
  readonly script: Script;
  readonly built: BuiltInMetrics;
  readonly isAborted: () => boolean;
}

const LOOK_EVERY_MS = 1_000;
/** An iteration that throws at once would keep everything else from running. */
const THROWN_PAUSE_MS = 1;

/** Runs all scenarios, each from its own start; answers how many iterations were interrupted. */
export async function runLoad(
  run: Load,
  scenarios: readonly Scenario[],
  setupData: unknown,
): Promise<number> {
  const { built } = run;
  const idle: Vu[] = [];
  const all: Vu[] = [];
  let active = 0;
  const look = () => {
    built.vus.add(active, {});
    built.vusMax.add(all.length, {});
  };
  const looking = setInterval(look, LOOK_EVERY_MS);
  const counters = new Map(scenarios.map(({ name }) => [name, { iterations: 0 }]));

  function begin(scenario: Scenario): Repeating {
    const vu = idle.pop() ?? newVu(all.length + 1);
    if (vu.id > all.length) all.push(vu);
    let stopped = false;
    active++;
    const ended = runAs(vu, () =>
      repeat(run, vu, scenario, counters.get(scenario.name)!, setupData, () => stopped),
    );
    return {
      stop: () => {
        stopped = true;
      },
      interrupt: () => {
        vu.interrupted = true;
      },
      ended: ended.finally(() => {
        active--;
        idle.push(vu);
      }),
    };
  }

  try {
    const interrupted = await Promise.all(
      scenarios.map((scenario) => runScenario(scenario, begin, run.isAborted)),
    );
    return interrupted.reduce((sum, count) => sum + count, 0);
  } finally {
    look();
    clearInterval(looking);
    for (const vu of all) vu.client.close();
  }
}

async function repeat(
  { script, built, isAborted }: Load,
  vu: Vu,
  scenario: Scenario,
  counter: { iterations: number },
  setupData: unknown,
  isStopped: () => boolean,
): Promise<void> {
  const iterate = functionOf(script, scenario.exec);
  const tags = { scenario: scenario.name, group: '' };
  // Each user has a copy of its own, of what JSON can carry.
  const data = copyOf(setupData);
  while (!isStopped() && !isAborted()) {
    vu.activity = { tags, scenario, iterationInTest: counter.iterations++ };
    const startedAtMs = performance.now();
    try {
      await iterate(data);
    } catch (error) {
      complain(messageOf(error));
      await Bun.sleep(THROWN_PAUSE_MS);
    }
    vu.iterations++;
    built.iterations.add(1, tags);
    built.iterationDuration.add(performance.now() - startedAtMs, tags);
  }
}

const complained = new Set<string>();

/** Once for each message: a thousand users say the same. */
function complain(message: string): void {
  if (complained.has(message)) return;
  complained.add(message);
  console.error(`ERRO ${message} (shown once)`);
}
