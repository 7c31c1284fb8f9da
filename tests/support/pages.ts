import { source as axeSource } from 'axe-core';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { haveBrowser } from './browser.ts';

export type Theme = 'light' | 'dark';

/** Nothing that a page does takes longer, beside whatever else runs. */
const PATIENCE_MS = 20_000;

export interface TestBrowser extends AsyncDisposable {
  /** A person with a browser of their own: nothing is kept from others. What the page reports as wrong fails `close`. */
  person(options?: BrowserContextOptions): Promise<Person>;
}

export interface Person extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page complained of: uncaught errors, and what its policy has blocked. */
  readonly complaints: readonly string[];
}

/** A real Chromium, without a window; null where there is none and none can be installed. */
export async function openTestBrowser(): Promise<TestBrowser | null> {
  const executablePath = await haveBrowser();
  if (executablePath === null) {
    console.warn('pages in a browser are skipped: there is no Chromium here, and none could be installed');
    return null;
  }
  const browser: Browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-background-networking', '--disable-gpu', '--disable-dev-shm-usage'],
  });
  return {
    async person(options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      context.setDefaultTimeout(PATIENCE_MS);
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', ({ message }) => complaints.push(message));
      page.on('console', (line) => {
        if (/Content Security Policy|TrustedHTML|TrustedScript/.test(line.text()))
          complaints.push(line.text());
      });
      return { page, context, complaints, [Symbol.asyncDispose]: () => context.close() };
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

/**
 * What keeps people out of the page as it stands (WCAG 2.2, A and AA), as axe-core finds it. The page's policy would not let that in:
 * its person needs `bypassCSP`.
 */
export async function barriersIn(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.addScriptTag({ content: axeSource });
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
    const { violations } = await axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return violations.map(
      ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`,
    );
  });
}

/** Sum of the layout shifts since the page was opened (CLS), and whether it is wider than its window. */
export function layoutOf(page: Page): Promise<{ shift: number; overflow: number }> {
  return page.evaluate(
    () =>
      new Promise<{ shift: number; overflow: number }>((resolve) => {
        let shift = 0;
        const observer = new PerformanceObserver((list) => {
          for (const entry of list.getEntries() as (PerformanceEntry & {
            value: number;
            hadRecentInput: boolean;
          })[])
            if (!entry.hadRecentInput) shift += entry.value;
        });
        observer.observe({ type: 'layout-shift', buffered: true });
        requestAnimationFrame(() =>
          requestAnimationFrame(() =>
            resolve({
              shift,
              overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
            }),
          ),
        );
      }),
  );
}
