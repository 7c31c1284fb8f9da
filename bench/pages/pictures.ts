import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { makeOwnFolder, removeFolder } from '../../src/lib/own-folder.ts';
import { findBrowser } from '../report/pdf.ts';
import { type ServerProcess, startServer } from '../server-process.ts';
import { poll } from '../wait.ts';

/**
 * `npm run pictures`: every page as it looks after a real crowd, in both themes, on a phone and on a wide screen, into docs/pictures. For people to
 * look at after a change of the pages, and for the documents.
 */
const OUT = join(import.meta.dir, '..', '..', 'docs', 'pictures');
const WIDTHS = [390, 1440] as const;
const THEMES = ['light', 'dark'] as const;
const QUALITY = 60;
const CROWD = {
  productId: 1,
  users: 20_000,
  rate: 4_000,
  mode: 'both',
  units: 1_000,
  reason: 'for the pictures',
};
const RUSH_MS_MAX = 60_000;

const executablePath = findBrowser();
if (executablePath === null) throw new Error('There is no Chromium on the PATH.');
const dataFolder = makeOwnFolder('pictures');
const server = await startServer({ dataFolder });
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  mkdirSync(OUT, { recursive: true });
  const orderId = await prepare(server);
  const paths = {
    sales: '/',
    product: '/p/2',
    'sold-out': '/p/1',
    order: `/o/${orderId}`,
    docs: '/docs',
    console: '/ops#live?product=1',
    products: '/ops#products',
    orders: '/ops#orders',
    crowd: '/ops#crowd',
  };
  for (const [name, path] of Object.entries(paths)) await picture(browser, server.url + path, name);
} finally {
  await browser.close();
  await server.stop();
  removeFolder(dataFolder);
}

/** Sells one unit to somebody and the rest to a crowd; answers the one order. */
async function prepare({ url, operatorToken }: ServerProcess): Promise<string> {
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${operatorToken}` };
  const send = async (path: string, body: object) => {
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return answer.json();
  };
  const { orderId } = await send('/api/v1/sync/purchase', { productId: 2, quantity: 2, userId: 'ada' });
  const opensAt = new Date(Date.now() + 2 * 3_600_000).toISOString();
  await send('/api/v1/products', {
    ...{ name: 'Concert ticket, front row', priceMinor: 12_500, currency: 'EUR', units: 300, opensAt },
    ...{ perCustomerLimit: 2, reason: 'for the pictures' },
  });
  await send('/api/v1/ops/rush', CROWD);
  await poll(
    async () => {
      const { state } = await (await fetch(`${url}/api/v1/ops/rush`, { headers })).json();
      return state === 'done' || undefined;
    },
    { deadlineMs: RUSH_MS_MAX, everyMs: 200 },
  );
  return orderId;
}

async function picture(browser: Browser, url: string, name: string): Promise<void> {
  for (const colorScheme of THEMES) {
    for (const width of WIDTHS) {
      const context = await browser.newContext({
        viewport: { width, height: width > 1000 ? 900 : 844 },
        colorScheme,
      });
      const page = await context.newPage();
      await page.goto(url);
      await page.waitForLoadState('networkidle').catch(() => {});
      await save(page, join(OUT, `${name}-${colorScheme}-${width}.webp`));
      await context.close();
    }
  }
}

/** WebP, which is a third of PNG here; playwright's own screenshots know PNG and JPEG only. */
async function save(page: Page, file: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY });
  await Bun.write(file, Buffer.from(data, 'base64'));
}
