import type { Locator, Page } from 'playwright-core';
import { barriersIn } from './pages.ts';

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

/**
 * What axe-core finds in the page. Looking at every operation would take ten seconds, and one piece of code writes them all: those
 * named are looked at, with everything around them.
 */
export async function barriersAround(page: Page, operations: readonly string[]): Promise<string[]> {
  const kept = operations.map((id) => `[aria-labelledby="${id}"]`).join(', ');
  await page.evaluate((kept) => {
    for (const one of document.querySelectorAll(`article:not(${kept}), .shape ~ .shape`)) one.remove();
  }, kept);
  return barriersIn(page);
}
