import { asCalled, type Colour, coloured } from '../../src/cli/terminal.ts';
import type { Verdict } from '../../src/domain/verdict.ts';
import { isLoopbackName } from '../../src/lib/address.ts';
import type { Mode } from '../arrivals.ts';
import type { CrowdProgress } from '../crowd.ts';
import type { DemoResult } from '../demo-sale.ts';
import type { RushResult, RushVerdict } from '../rush-sale.ts';
import { count, ms, plural, seconds } from '../text.ts';
import { type LiveLine, openLiveLine } from './live-line.ts';

/** The verdicts that a summary shows though they passed: what a buyer was told, held. */
const SHOWN = [
  'no oversell',
  'every grant has its order',
  'every tracking id has its outcome',
  'every capture has its paid order',
];
const NAME_CHARS = 38;
const TITLE_CHARS = 60;

/** The demo's result as text: its parameters, each verdict, and the latencies. */
export function summary(result: DemoResult, mode: Mode): string {
  const { users, units, verdicts, elapsedMs } = result;
  const shares = mode === 'both' ? 'sync 50 % async 50 %' : `${mode} 100 %`;
  const title = `${plural(users, 'buyer')} · ${plural(units, 'unit')} · ${shares}`;
  const shown = verdicts.filter(({ name, pass }) => !pass || SHOWN.includes(name));
  const more = verdicts.length - shown.length;
  const lines = [
    titled(title, elapsedMs),
    ...shown.map(verdictLine),
    `${mark(true)}  ${more} more verdicts (all of them with --json)`,
    ...latencyLines(result),
    ...slowness(result, true),
  ];
  return lines.map((line) => `  ${line}`).join('\n');
}

/** A rush's result as text. */
export function rushSummary(result: RushResult): string {
  const { url, productId, stock, seed, users, granted, repeated, refused, errors } = result;
  const lines = [
    titled(`${plural(users, 'buyer')} at ${url}, product ${productId}${endOf(result)}`, result.elapsedMs),
    `granted ${count(granted)}, ${count(repeated)} of them sent twice · refused ${count(refused)} · errors ${count(errors)}`,
    `free units ${count(stock.before)} before, ${stock.after === null ? 'unknown' : count(stock.after)} after`,
    ...result.verdicts.map(verdictLine),
    ...latencyLines(result),
    ...slowness(result, isLoopbackName(new URL(url).hostname)),
    `seed   ${seed} (the same crowd again: --seed ${seed})`,
    'Not seen from here: the books. `pulsecart audit` reads those, where they are.',
  ];
  return lines.map((line) => `  ${asCalled(line)}`).join('\n');
}

/** The time at its column, or after a title that is longer. */
function titled(title: string, elapsedMs: number): string {
  return `${title.padEnd(TITLE_CHARS - 2)}  ${seconds(elapsedMs)}`;
}

/** `PASS  no oversell   1,000 of 1,000 sold`, `FAIL  no oversell: 1,003 sold of 1,000`. */
export function verdictLine({ name, pass, detail }: Verdict | RushVerdict): string {
  if (pass === false) return `${mark(pass)}  ${name}: ${detail}`;
  const said = pass === null ? `not judged: ${detail}` : detail;
  return `${mark(pass)}  ${name.padEnd(NAME_CHARS)}${said}`.trimEnd();
}

function latencyLines({ sync, async }: Pick<DemoResult, 'sync' | 'async'>): string[] {
  const lines: string[] = [];
  if (sync.p50Ms !== null) {
    lines.push(
      `sync   p50 ${ms(sync.p50Ms)}  p95 ${ms(sync.p95Ms)}  p99 ${ms(sync.p99Ms)}   (from intended start)`,
    );
  }
  if (async.acceptP99Ms !== null) {
    lines.push(`async  accepted p99 ${ms(async.acceptP99Ms)} · confirmed p99 ${ms(async.confirmP99Ms)}`);
  }
  return lines;
}

/** Buyers who came so much later than they meant to were held up; less is the noise of a busy machine. */
const SLOW_TIMES = 1.2;
const SLOW_MS_MIN = 500;

/** Whether the buyers could come as they should. Server and crowd on one machine share its limit. */
export function slowness(
  { arrivals: { plannedMs, tookMs } }: Pick<DemoResult, 'arrivals'>,
  isOneMachine: boolean,
): string[] {
  if (tookMs < SLOW_TIMES * plannedMs + SLOW_MS_MIN) return [];
  const limit = isOneMachine ? 'this machine is the limit' : 'the server, or this machine, is the limit';
  return [coloured(`arrivals took ${seconds(tookMs)} instead of ${seconds(plannedMs)}: ${limit}`, 'yellow')];
}

/** The live line of a sale. */
export function openSaleLine(
  users: number,
  quiet: boolean,
): LiveLine & { progress(now: CrowdProgress): void } {
  const line = openLiveLine({ quiet });
  let last: CrowdProgress | undefined;
  return {
    ...line,
    progress(now) {
      line.show(partsOf(now, last, users));
      last = now;
    },
  };
}

/** In the order of the line; a narrow terminal goes without the last of these ranks first. */
function partsOf(now: CrowdProgress, before: CrowdProgress | undefined, users: number) {
  const perS = (read: (progress: CrowdProgress) => number) => {
    const elapsedMs = now.elapsedMs - (before?.elapsedMs ?? 0);
    return elapsedMs > 0
      ? count(Math.round(((read(now) - (before ? read(before) : 0)) / elapsedMs) * 1000))
      : '0';
  };
  return [
    { rank: 1, text: seconds(now.elapsedMs) },
    { rank: 0, text: `${count(now.offered)} of ${count(users)} came` },
    { rank: 7, text: `offered ${perS((progress) => progress.offered)}/s` },
    { rank: 5, text: `answered ${perS((progress) => progress.answered)}/s` },
    { rank: 2, text: `sold ${count(now.sold)}` },
    { rank: 3, text: `refused ${count(now.refused)}` },
    { rank: 4, text: `p99 ${ms(now.p99Ms)}` },
    { rank: 6, text: `backlog ${count(now.backlog)}` },
  ];
}

function endOf({ serverGone, calledBack }: RushResult): string {
  if (serverGone) return ', and the server stopped answering';
  return calledBack ? ', stopped' : '';
}

/** Null: not judged. */
export function mark(pass: boolean | null): string {
  const [text, colour]: [string, Colour] =
    pass === null ? ['  ? ', 'yellow'] : pass ? ['PASS', 'green'] : ['FAIL', 'red'];
  return coloured(text, colour);
}
