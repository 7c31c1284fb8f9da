import type { Verdict } from '../../src/domain/verdict.ts';
import type { Mode } from '../arrivals.ts';
import type { CrowdProgress } from '../crowd.ts';
import type { DemoResult } from '../demo-sale.ts';
import type { RushResult, RushVerdict } from '../rush-sale.ts';

/** Verdicts that share the second line, and their names there. */
const TOGETHER = new Map([
  ['answered without order', 'answered without order 0'],
  ['every capture has its paid order', 'paid without order 0'],
  ['tracking ids without outcome', 'tracking ids without outcome 0'],
]);

/** The demo's result as text: its parameters, each verdict, and the latencies. */
export function summary(result: DemoResult, mode: Mode): string {
  const shares = mode === 'both' ? 'sync 50 % async 50 %' : `${mode} 100 %`;
  const title = `${count(result.users)} buyers · ${count(result.units)} units · ${shares}`;
  const lines = [title.padEnd(60) + `${(result.elapsedMs / 1000).toFixed(1)} s`];
  const [units, ...others] = result.verdicts;
  if (units) lines.push(`${mark(units)}  ${`oversold ${result.oversold}`.padEnd(25)} ${units.detail}`);
  const short = others.flatMap(({ name, pass }) => (pass ? (TOGETHER.get(name) ?? []) : []));
  if (short.length > 0) lines.push(`PASS  ${short.join('   ')}`);
  const passed = others.filter(({ name, pass }) => pass && !TOGETHER.has(name)).length;
  lines.push(`PASS  ${passed} more verdicts (all of them with --json)`);
  for (const { name, detail } of others.filter(({ pass }) => !pass)) lines.push(`FAIL  ${name}: ${detail}`);
  lines.push(...latencyLines(result));
  return lines.map((line) => `  ${line}`).join('\n');
}

/** A rush's result as text. */
export function rushSummary(result: RushResult): string {
  const { url, productId, stock, seed } = result;
  const title = `${count(result.users)} buyers at ${url}, product ${productId}${endOf(result)}`;
  const lines = [
    title.padEnd(60) + `${(result.elapsedMs / 1000).toFixed(1)} s`,
    `granted ${count(result.granted)}, ${count(result.repeated)} of them sent twice · refused ${count(result.refused)} · errors ${count(result.errors)} · ` +
      `free units ${count(stock.before)} before, ${stock.after === null ? 'unknown' : count(stock.after)} after`,
    ...result.verdicts.map(
      (verdict) => `${mark(verdict)}  ${verdict.name.padEnd(34)}${notJudged(verdict)}${verdict.detail}`,
    ),
    ...latencyLines(result),
    `seed   ${seed} (the same crowd again: --seed ${seed})`,
    'Not seen from here: the books. `pulsecart audit` reads those, where they are.',
  ];
  return lines.map((line) => `  ${line}`).join('\n');
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

/** One line on the terminal that is overwritten while the sale runs. */
export function liveLine(users: number): { show(progress: CrowdProgress): void; clear(): void } {
  let last: CrowdProgress | undefined;
  return {
    show(progress) {
      process.stderr.write(`\r\x1b[2K${describe(progress, last, users)}`);
      last = progress;
    },
    clear: () => process.stderr.write('\r\x1b[2K'),
  };
}

function describe(now: CrowdProgress, before: CrowdProgress | undefined, users: number): string {
  const perS = (read: (progress: CrowdProgress) => number) => {
    const elapsedMs = now.elapsedMs - (before?.elapsedMs ?? 0);
    return elapsedMs > 0
      ? count(Math.round(((read(now) - (before ? read(before) : 0)) / elapsedMs) * 1000))
      : '0';
  };
  return [
    `  ${(now.elapsedMs / 1000).toFixed(1)} s`,
    `${count(now.offered)} of ${count(users)} came`,
    `offered ${perS((progress) => progress.offered)}/s`,
    `answered ${perS((progress) => progress.answered)}/s`,
    `sold ${count(now.sold)}`,
    `refused ${count(now.refused)}`,
    `p99 ${ms(now.p99Ms)}`,
    `backlog ${count(now.backlog)}`,
  ].join(' · ');
}

function endOf({ serverGone, calledBack }: RushResult): string {
  if (serverGone) return ', and the server stopped answering';
  return calledBack ? ', called back' : '';
}

function notJudged({ pass }: RushVerdict): string {
  return pass === null ? 'not judged: ' : '';
}

function mark({ pass }: Verdict | RushVerdict): string {
  if (pass === null) return '  ? ';
  return pass ? 'PASS' : 'FAIL';
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function ms(value: number | null): string {
  return value === null ? '–' : `${value >= 10 ? Math.round(value) : value} ms`;
}
