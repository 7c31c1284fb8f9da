import { type Browser, chromium } from 'playwright-core';
import { makeOwnFolder, removeFolder } from '../../src/lib/own-folder.ts';
import { findBrowser } from '../report/pdf.ts';
import { startServer } from '../server-process.ts';

/**
 * `npm run paint`: how soon a buyer sees the storefront, and can press the button. Each round is a server that has shown no page yet and a
 * browser that knows none of its files, both on this machine. Prints JSON, in milliseconds from the navigation; it does not measure a network.
 */
const ROUNDS = 5;

interface Round {
  readonly homePaintMs: number;
  readonly homeAliveMs: number;
  readonly productPaintMs: number;
  readonly buyUsableMs: number;
}

const executablePath = findBrowser();
if (executablePath === null) throw new Error('There is no Chromium on the PATH.');
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const rounds: Round[] = [];
for (let round = 0; round < ROUNDS; round++) rounds.push(await measure(browser));
await browser.close();
const names = Object.keys(rounds[0]!) as (keyof Round)[];
const of = (pick: (sorted: number[]) => number) =>
  Object.fromEntries(
    names.map((name) => [name, pick(rounds.map((one) => one[name]).toSorted((a, b) => a - b))]),
  );
console.log(
  JSON.stringify({
    rounds: ROUNDS,
    median: of((sorted) => sorted[Math.floor(sorted.length / 2)]!),
    max: of((sorted) => sorted.at(-1)!),
  }),
);

async function measure(browser: Browser): Promise<Round> {
  const dataFolder = makeOwnFolder('paint');
  const server = await startServer({ dataFolder });
  try {
    const [homePaintMs, homeAliveMs] = await open(browser, server.url);
    const [productPaintMs, buyUsableMs] = await open(browser, `${server.url}/p/1`);
    return { homePaintMs, homeAliveMs, productPaintMs, buyUsableMs };
  } finally {
    await server.stop();
    removeFolder(dataFolder);
  }
}

/** Milliseconds until the first content is painted, and until the script has taken over. */
async function open(browser: Browser, url: string): Promise<[paintMs: number, aliveMs: number]> {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  try {
    const page = await context.newPage();
    // The note for those without a script goes as soon as the script is there.
    await page.addInitScript(() => {
      new MutationObserver(() => {
        const isAlive = document.getElementById('main') !== null && document.querySelector('.note') === null;
        if (isAlive && document.readyState !== 'loading') performance.mark('alive');
      }).observe(document, { childList: true, subtree: true });
    });
    await page.goto(url);
    await page.waitForFunction(
      () =>
        performance.getEntriesByName('alive').length > 0 &&
        performance.getEntriesByName('first-contentful-paint').length > 0,
    );
    return await page.evaluate((): [number, number] => {
      const first = (name: string) => Math.round(performance.getEntriesByName(name)[0]!.startTime);
      return [first('first-contentful-paint'), first('alive')];
    });
  } finally {
    await context.close();
  }
}
