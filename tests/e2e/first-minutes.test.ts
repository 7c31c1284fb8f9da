import { afterAll, describe, expect, test } from 'bun:test';
import { temporaryFolder } from '../support/folder.ts';
import { openTestBrowser, type TestBrowser } from '../support/pages.ts';
import { inTerminal } from '../support/terminal.ts';

/** What somebody does who has just cloned and installed it, and reads nothing. */

const browser = await openTestBrowser();
afterAll(() => browser?.[Symbol.asyncDispose]());

/** What the program promises. */
const MINUTES_MS = 180_000;

describe.skipIf(browser === null)('whoever starts the server and opens the address that it prints', () => {
  test(
    'has bought, seen it paid, watched a crowd and refunded an order within three minutes',
    async () => {
      const startedAtMs = performance.now();
      using folder = temporaryFolder();
      using terminal = inTerminal(['serve', '--port', '0', '--data', folder.path], { columns: 100 });
      await terminal.sees(/Storefront +http/);
      const [, address] = /Storefront +(http\S+)/.exec(terminal.rows().join('\n'))!;
      await using person = await (browser as TestBrowser).person();
      const { page } = person;

      await page.goto(address!);
      await page.getByRole('link', { name: /iPhone/ }).click();
      await page.getByRole('button', { name: /^Buy for/ }).click();
      await page.locator('.result').getByText('Paid', { exact: true }).waitFor();

      await page.getByRole('link', { name: 'Operations' }).click();
      await page.locator('.equation b').first().waitFor();
      await page.getByRole('link', { name: 'Crowd' }).click();
      await page.getByRole('button', { name: 'Start the crowd' }).click();
      await page.getByText('The crowd is through.').waitFor({ timeout: 60_000 });
      const verdicts = await page.locator('.verdicts tbody tr').allTextContents();
      expect(verdicts.length).toBeGreaterThan(3);
      expect(verdicts.filter((verdict) => !verdict.startsWith('PASS'))).toEqual([]);
      await terminal.sees(/sold out: iPhone/);

      await page.getByRole('link', { name: 'Orders', exact: true }).click();
      await page
        .locator('tbody tr', { hasText: 'Paid' })
        .first()
        .getByRole('button', { name: /Refund/ })
        .click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Reason').fill('It arrived broken');
      await dialog.getByRole('button', { name: 'Refund' }).click();
      await page
        .locator('.said')
        .getByText(/Refund(ed| under way)/i)
        .waitFor();
      expect(performance.now() - startedAtMs).toBeLessThan(MINUTES_MS);
      expect(person.complaints).toEqual([]);
    },
    MINUTES_MS,
  );
});
