import { createInterface } from 'node:readline';
import { type DemoOptions, type DemoResult, holdWatchedDemo } from '../demo-sale.ts';
import type { Environment } from '../environment.ts';
import { nextSignal } from '../interrupted.ts';
import { openInBrowser } from '../open-in-browser.ts';
import { PRODUCT_ID } from '../sale.ts';
import { isOpen, openLater } from '../server-api.ts';
import type { ServerProcess } from '../server-process.ts';
import { plural } from '../text.ts';
import { poll } from '../wait.ts';
import { type openSaleLine, summary, verdictLine } from './demo-text.ts';

export interface WatchOptions {
  readonly opensInS: number;
  readonly live: ReturnType<typeof openSaleLine>;
  readonly json: boolean;
}

const LOOK_EVERY_MS = 20;
/** A sale opens by the ledger's clock, and another process may answer late. */
const OPENING_LATE_MS = 10_000;

/** The demo with spectators: a countdown, the crowd, the verdicts, and the servers until somebody ends them. */
export async function watchSale(
  options: DemoOptions,
  environment: Environment,
  { opensInS, live, json }: WatchOptions,
): Promise<DemoResult> {
  // With --json the output is the result alone.
  const say = json ? console.error : console.log;
  const opens = async (server: ServerProcess): Promise<void> => {
    const opensAt = new Date(Date.now() + opensInS * 1000).toISOString();
    const opensAtMs = Date.parse(opensAt);
    await openLater(server, PRODUCT_ID, opensAt);
    const shop = `${server.url}/p/${PRODUCT_ID}`;
    say(invitation(server, shop, opensInS, openInBrowser(shop)));
    const look = async () => {
      const inS = Math.max(0, Math.ceil((opensAtMs - Date.now()) / 1000));
      live.show([{ rank: 0, text: `opens in ${plural(inS, 'second')}` }]);
      return (await isOpen(server.url, PRODUCT_ID, opensAt)) || undefined;
    };
    const deadlineMs = opensInS * 1000 + OPENING_LATE_MS;
    const open = await poll(look, { deadlineMs, everyMs: LOOK_EVERY_MS });
    if (!open) throw new Error(`product ${PRODUCT_ID} did not open`);
  };
  const { result, others, sale } = await holdWatchedDemo(options, environment, {
    opens,
    onProgress: live.progress,
  }).finally(live.close);
  console.log(json ? JSON.stringify(result) : summary(result, options.mode));
  if (others > 0) say(`  ${plural(others, 'unit')} went to buyers who were not of the crowd.`);
  say(
    `\n  The server stays, with its charts and orders. ${process.stdin.isTTY ? 'Enter or ' : ''}Ctrl-C ends it.`,
  );
  await Promise.race([nextSignal(), entered()]);
  const stopped = await sale.stop();
  if (!stopped.pass) say(`  ${verdictLine(stopped)}`);
  return { ...result, verdicts: [...result.verdicts, stopped] };
}

function invitation({ url, operatorToken }: ServerProcess, shop: string, opensInS: number, opened: boolean) {
  return `
  The sale opens in ${plural(opensInS, 'second')}, and the crowd comes with it.
    Shop         ${shop}${opened ? '   (opened in your browser)' : ''}
    Operations   ${url}/ops#token=${operatorToken}
`;
}

/** Resolves at Enter; never where nobody can press it. */
async function entered(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (!process.stdin.isTTY) return promise;
  const lines = createInterface({ input: process.stdin });
  lines.once('line', () => resolve());
  await promise;
  lines.close();
}
