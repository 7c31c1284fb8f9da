import { readFileSync } from 'node:fs';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';

export async function launchBrowser(executablePath: string): Promise<Browser> {
  // A browser refuses its sandbox to root.
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

/** A page with what went wrong in it: errors, and what its policy refused. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly errors: readonly string[] } & AsyncDisposable> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  page.on('console', (message) => {
    // A refusal is an answer that is shown, and no error of the page.
    const isRefusal = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isRefusal) errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors, [Symbol.asyncDispose]: () => context.close() };
}

/** The part of the page at /docs that is about one operation, by its id. */
export function operationIn(page: Page, id: string): Locator {
  return page.locator(`article[aria-labelledby="${id}"]`);
}

/** Opens an operation's form and sends it as it is filled in; answers the line that says how it ended. */
export async function sendFrom(page: Page, id: string): Promise<string> {
  const send = operationIn(page, id).locator('.send');
  if ((await send.getAttribute('open')) === null) await send.locator('summary').click();
  await send.getByRole('button', { name: 'Send', exact: true }).click();
  const status = send.getByRole('status');
  await status.filter({ hasText: /\d ms/ }).waitFor();
  return status.innerText();
}

/** How far the page's contents moved by themselves since it was opened (CLS). */
export function layoutShift(page: Page): Promise<number> {
  return page.evaluate(LAYOUT_SHIFT);
}

/** How wide the page would like to be. */
export function widthOf(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth');
}

/**
 * What axe-core finds in a page that was opened beside its policy. Looking at every operation would take ten seconds, and one piece of
 * code writes them all: those named are looked at, with everything around them.
 */
export async function violationsIn(page: Page, operations: readonly string[]): Promise<readonly string[]> {
  const kept = operations.map((id) => `[aria-labelledby="${id}"]`).join(', ');
  await page.evaluate(
    `for (const one of document.querySelectorAll('article:not(${kept}), .shape ~ .shape')) one.remove()`,
  );
  await page.evaluate(AXE);
  const found: AxeResults = await page.evaluate('axe.run()');
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.length}, first ${nodes[0]?.html}`);
}

const AXE = `${readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')};0`;

const LAYOUT_SHIFT = `new Promise((resolve) => {
  let shift = 0;
  const add = (entries) => entries.forEach(({ value, hadRecentInput }) => (shift += hadRecentInput ? 0 : value));
  const observer = new PerformanceObserver((list) => add(list.getEntries()));
  observer.observe({ type: 'layout-shift', buffered: true });
  const frame = (then) => requestAnimationFrame(() => requestAnimationFrame(then));
  frame(() => {
    add(observer.takeRecords());
    resolve(shift);
  });
})`;
