import { cannotBlock, createHttp } from './http.ts';
import type { BuiltInMetrics, Contents, Metric, Metrics } from './metrics.ts';
import type { MetricType } from './sinks.ts';
import { callingVu, vuOf } from './vu.ts';

/** What scripts can ask about the run they are in. */
export interface RunState {
  readonly startedAtMs: number;
  abort(message: string): void;
}

/** Passes and failures of one `check`, by its name. */
export type Checks = Map<string, { passes: number; fails: number }>;

/**
 * The modules of k6 as far as our scripts use them; whatever else they should want fails at once. Nothing here can block, as
 * `sleep` and `http.get` do in k6, so the scripts use the asynchronous calls that k6 has beside them.
 */
export function createModules(metrics: Metrics, built: BuiltInMetrics, checks: Checks, run: RunState) {
  const http = createHttp(built);
  const execution = createExecution(run);
  const main = {
    check(value: unknown, sets: Record<string, unknown>, tags: Record<string, string> = {}): boolean {
      const common = { ...vuOf('check()').activity.tags, ...tags };
      let passed = true;
      for (const [name, expected] of Object.entries(sets)) {
        const ok = Boolean(typeof expected === 'function' ? expected(value) : expected);
        const counts = checks.get(name) ?? { passes: 0, fails: 0 };
        checks.set(name, counts);
        if (ok) counts.passes++;
        else counts.fails++;
        built.checks.add(ok ? 1 : 0, { ...common, check: name });
        passed &&= ok;
      }
      return passed;
    },
    fail(message = ''): never {
      throw new Error(message);
    },
    sleep: () => cannotBlock('sleep'),
  };
  const custom = {
    Counter: customMetric(metrics, 'counter'),
    Gauge: customMetric(metrics, 'gauge'),
    Rate: customMetric(metrics, 'rate'),
    Trend: customMetric(metrics, 'trend'),
  };
  const timers = { setTimeout, clearTimeout, setInterval, clearInterval };
  return {
    k6: { ...main, default: main },
    'k6/http': { ...http, default: http },
    'k6/metrics': { ...custom, default: custom },
    'k6/execution': { ...execution, default: execution },
    'k6/timers': { ...timers, default: timers },
  };
}

function customMetric(metrics: Metrics, type: MetricType) {
  return class {
    readonly #metric: Metric;
    readonly name: string;

    constructor(name: string, isTime = false) {
      if (callingVu() !== null) throw new Error('metrics must be declared in the init context');
      const contains: Contents = isTime ? 'time' : 'default';
      this.#metric = metrics.define(name, type, contains);
      this.name = name;
    }

    add(value: number | boolean, tags: Record<string, string> = {}): void {
      const vu = vuOf(`${this.name}.add()`);
      const number = Number(value);
      if (Number.isNaN(number))
        throw new Error(`'${String(value)}' is an invalid value for metric '${this.name}'`);
      if (!vu.interrupted) this.#metric.add(number, { ...vu.activity.tags, ...tags });
    }
  };
}

function createExecution(run: RunState) {
  return {
    scenario: {
      get name() {
        return vuOf('exec.scenario').activity.scenario?.name ?? '';
      },
      get executor() {
        return vuOf('exec.scenario').activity.scenario?.executor ?? '';
      },
      get iterationInTest() {
        return vuOf('exec.scenario').activity.iterationInTest;
      },
      get iterationInInstance() {
        return vuOf('exec.scenario').activity.iterationInTest;
      },
    },
    vu: {
      get idInTest() {
        return vuOf('exec.vu').id;
      },
      get idInInstance() {
        return vuOf('exec.vu').id;
      },
      get iterationInInstance() {
        return vuOf('exec.vu').iterations;
      },
    },
    instance: {
      get currentTestRunDuration() {
        return performance.now() - run.startedAtMs;
      },
    },
    test: {
      abort(message = '') {
        run.abort(message);
        throw new Error(`test aborted: ${message}`);
      },
    },
  };
}
