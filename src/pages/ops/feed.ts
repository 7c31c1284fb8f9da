import { type Signal, signal } from '@preact/signals';
import { createServerClock } from '../client/server-clock.ts';
import { OPS } from '../text.ts';
import type { Session } from './session.ts';
import type { History, Rates, Sample } from './shapes.ts';

/** What the charts and the head line show: the course of the sale, and what happens now. */
export interface Feed {
  readonly rates: Signal<Rates | null>;
  /** Oldest first. */
  readonly samples: Signal<readonly Sample[]>;
  /** How old the figures on screen are (ms); null before there were any. */
  readonly ageMs: Signal<number | null>;
  /** Why the figures, or what went before them, cannot be read now. */
  readonly trouble: Signal<string | null>;
  readonly historyTrouble: Signal<string | null>;
  /** When the page was made. */
  readonly serverTime: string;
  /** Reads all for the first time. */
  begin(): Promise<unknown>;
  /** Reads on until what it returns is called. */
  start(): () => void;
}

const READ_EVERY_MS = 1_000;
const READ_TIMEOUT_MS = 4_000;
/** Points of a chart that are asked for at once; half as many again are read one by one before the server chooses anew. */
const POINTS = 1_000;
const SAMPLES_MAX = 1_500;

export function createFeed(session: Session, serverTime: string): Feed {
  const rates = signal<Rates | null>(null);
  const samples = signal<readonly Sample[]>([]);
  const ageMs = signal<number | null>(null);
  const trouble = signal<string | null>(null);
  const historyTrouble = signal<string | null>(null);
  const clock = createServerClock(serverTime);
  let readAtMs: number | null = null;
  let isReading = false;

  /** All from the beginning of the sale: at the start, after the page was out of sight, and when there are too many points. */
  async function readHistory(): Promise<void> {
    const answer = await session.ask<History>(`/api/v1/ops/history?points=${POINTS}`);
    if (answer.ok) {
      clock.heard(answer.body.to, true);
      const last = answer.body.samples.at(-1)?.at ?? '';
      // What was read meanwhile, one by one, may not be written down yet.
      samples.value = [...answer.body.samples, ...samples.value.filter(({ at }) => at > last)].slice(
        -SAMPLES_MAX,
      );
      historyTrouble.value = null;
    } else {
      samples.value = samples.value.slice(-POINTS);
      historyTrouble.value =
        answer.status === 404 ? OPS.live.noHistory : OPS.live.historyTrouble(answer.message);
    }
  }

  async function readNow(): Promise<void> {
    if (isReading || document.hidden) return;
    isReading = true;
    const answer = await session.ask<Rates>('/api/v1/ops/rates', { timeoutMs: READ_TIMEOUT_MS });
    isReading = false;
    if (!answer.ok) {
      trouble.value = OPS.live.trouble(answer.message);
      return;
    }
    trouble.value = null;
    readAtMs = performance.now();
    rates.value = answer.body;
    const at = new Date(clock.now()).toISOString();
    samples.value = [...samples.value, sampleOf(answer.body, at)];
    tellAge();
    if (samples.value.length > SAMPLES_MAX) await readHistory();
  }

  function tellAge(): void {
    if (readAtMs === null || rates.value === null) return;
    ageMs.value = performance.now() - readAtMs + rates.value.total.ageMs;
  }

  return {
    serverTime,
    rates,
    samples,
    ageMs,
    trouble,
    historyTrouble,
    begin: () => Promise.all([readHistory(), readNow()]),
    start() {
      const ticking = setInterval(() => {
        tellAge();
        void readNow();
      }, READ_EVERY_MS);
      const back = () => {
        if (document.hidden) return;
        void readHistory();
        void readNow();
      };
      document.addEventListener('visibilitychange', back);
      return () => {
        clearInterval(ticking);
        document.removeEventListener('visibilitychange', back);
      };
    },
  };
}

/** As the history has it: of the last two seconds, where the head line shows what ten make steady. */
function sampleOf({ total, instances, backlog, units }: Rates, at: string): Sample {
  return {
    at,
    total: { ...total, ...total.recent },
    instances: instances.map(({ recent, ...one }) => ({
      ...one,
      cpuShare: recent?.cpuShare ?? one.cpuShare,
    })),
    backlog,
    units,
  };
}
