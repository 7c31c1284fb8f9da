import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { FAILING, failRows } from '../support/failing-row.ts';
import { barriersIn, layoutOf, openTestBrowser, type Person, type TestBrowser } from '../support/pages.ts';
import { type EmbeddedShop, eventually, openShop } from '../support/shop.ts';

/** What operators see and do in the console, in a real browser in front of a real server. */

const browser = await openTestBrowser();
const SECTIONS = ['live', 'products', 'orders', 'dead-letters', 'log', 'audit', 'crowd'];
const STACKED = ['products', 'orders'];
let shop: EmbeddedShop;
/** A purchase that nobody could decide, and what ends the trouble. */
let poisoned: { readonly trackingId: string; heal(): Promise<void> };

beforeAll(async () => {
  shop = await openShop();
  const heal = await failRows(shop);
  const purchase = { productId: 2, quantity: 1, userId: FAILING };
  const { json } = await shop.buy('async', purchase, { 'Idempotency-Key': FAILING });
  poisoned = { trackingId: json.trackingId, heal };
});
afterAll(async () => {
  await Promise.all([shop[Symbol.asyncDispose](), browser?.[Symbol.asyncDispose]()]);
});

const said = (page: Page) => page.locator('.said');
const dialog = (page: Page) => page.getByRole('dialog');
const section = (page: Page) => page.locator('section.section');

/** Fills in the reason, and whatever else, and does it. */
async function carryOut(
  page: Page,
  button: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<void> {
  for (const [label, value] of Object.entries(fields))
    await dialog(page).getByLabel(label).first().fill(value);
  await dialog(page).getByLabel('Reason, for the log').fill('a test');
  await dialog(page).getByRole('button', { name: button }).click();
}

const log = async () => (await shop.get('/api/v1/ops/log')).json.operations;

describe.skipIf(browser === null)('an operator with a browser', () => {
  const { person } = browser as TestBrowser;

  async function signedIn(fragment = '', options: BrowserContextOptions = {}): Promise<Person> {
    const grace = await person(options);
    await grace.page.goto(`${shop.url}/ops${fragment}`);
    await grace.page.locator('.equation b').first().waitFor();
    return grace;
  }

  test('gets all of it in a script that is quickly there', async () => {
    const page = (await shop.get('/ops')).text;
    const script = await shop.get(/src="(\/assets\/ops\.[^"]+)"/.exec(page)![1]!);
    expect(Bun.gzipSync(script.text).length).toBeLessThan(60 * 1024);
  });

  test('is told that a token is wrong, signs in with the right one, and leaves no token behind', async () => {
    await using grace = await person();
    const { page } = grace;
    const token = shop.server.operatorToken!;
    await page.goto(`${shop.url}/ops#token=wrong`);
    await page.getByText('The server does not take the token any more.').waitFor();
    expect(new URL(page.url()).hash).toBe('');

    await page.getByLabel('Operator token').fill('wrong again');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('No operator of this server has this token.').waitFor();
    await page.getByLabel('Operator token').fill(token);
    await page.getByLabel('Your name').fill('Jürgen');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('.equation').getByText('3,800').first().waitFor();
    await page.getByText('Jürgen').waitFor();

    // Deep links to sections, and the token of the address.
    await page.goto(`${shop.url}/ops#token=${token}`);
    await page.reload();
    await page.locator('.equation').waitFor();
    expect(page.url()).not.toContain(token);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    expect(
      await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }])),
    ).not.toContain(token);
    await page.reload();
    await page.getByRole('heading', { name: 'Operations: sign in' }).waitFor();
    await page.getByRole('button', { name: "Use this server's own token" }).click();
    await page.locator('.equation').waitFor();
    expect(grace.complaints).toEqual([]);
  });

  test('puts a product on sale, changes it, pauses and resumes it, adds units, closes, opens and resets it', async () => {
    await using grace = await signedIn('#products');
    const { page } = grace;
    await page.getByRole('button', { name: 'New product' }).click();
    await carryOut(page, 'Put on sale', { Name: 'Chair', 'Price of one unit': '12.345', Units: '40' });
    await dialog(page).getByText('at most 2 digits behind it, like 125.00').waitFor();
    await dialog(page).getByLabel('Currency').selectOption('KWD');
    await dialog(page).getByLabel('Opens').fill('2099-01-02T03:04:05');
    await carryOut(page, 'Put on sale');
    await said(page)
      .getByText(/^Chair is product \d+/)
      .or(said(page).getByText('Chair is product'))
      .waitFor();
    await page.getByRole('link', { name: 'Chair' }).click();
    const productId = Number(page.url().split('/').at(-1));
    const read = async () => (await shop.get(`/api/v1/products/${productId}`)).json;
    expect(await read()).toMatchObject({
      name: 'Chair',
      priceMinor: 12_345,
      currency: 'KWD',
      total: 40,
      state: 'not_open',
      // The browser's zone is this process's.
      opensAt: new Date('2099-01-02T03:04:05').toISOString(),
    });

    const act = async (button: string, fields: Readonly<Record<string, string>>, says: string) => {
      await page.getByRole('button', { name: `${button} …` }).click();
      await carryOut(page, button, fields);
      await said(page).getByText(says).waitFor();
    };
    await act(
      'Change',
      { 'Price of one unit, KWD': '1.500', 'Units per customer': '2' },
      'it costs KWD 1.500',
    );
    await act('Open now', {}, 'The sale is open.');
    await act('Pause', {}, 'The sale is paused.');
    await page.locator('.panel h3').getByText('Paused').waitFor();
    await act('Resume', {}, 'The sale is now: open.');
    await act('Add units', { 'Units to add': '-10' }, 'It has 30 units now, 30 of them free.');
    await act('Close now', {}, 'The sale closed at');
    await act('Open now', {}, 'The sale is open.');
    await act('Reset', { 'Free units': '7' }, 'A new generation has begun with 7 free units.');
    expect(await read()).toMatchObject({
      priceMinor: 1500,
      perCustomerLimit: 2,
      state: 'open',
      total: 7,
      available: 7,
      generation: 2,
      customerRequired: false,
      holdSeconds: 600,
    });
    const done = (await log()).filter(
      ({ subject }: { subject: string }) => subject === `product/${productId}`,
    );
    expect(done.map(({ action }: { action: string }) => action)).toEqual([
      'stock.reset',
      'product.change',
      'sale.drain',
      'units.add',
      'sale.resume',
      'sale.pause',
      'product.change',
      'product.change',
      'product.create',
    ]);
    expect(done.every(({ reason }: { reason: string }) => reason === 'a test')).toBe(true);
    expect(grace.complaints).toEqual([]);
  });

  test('is told what somebody else changed meanwhile, and decides; buyers are no such change', async () => {
    await using grace = await signedIn('#products/3');
    const { page } = grace;
    const change = (changes: object) =>
      shop.call('PATCH', '/api/v1/products/3', { body: { ...changes, reason: 'ada was first' } });
    await page.getByRole('button', { name: 'Change …' }).click();
    expect((await shop.buy('sync', { productId: 3, quantity: 1 })).status).toBe(200);
    await carryOut(page, 'Change', { Name: 'MacBook' });
    await said(page).getByText('MacBook is changed').waitFor();

    await page.getByRole('button', { name: 'Change …' }).click();
    await change({ priceMinor: 150_000, perCustomerLimit: 3 });
    await carryOut(page, 'Change', { Name: 'MacBook Pro' });
    await dialog(page).getByText('It has changed since you looked.').waitFor();
    expect(await dialog(page).locator('tbody tr').allTextContents()).toEqual([
      'Price$1,999.99$1,500.00',
      'Limit per customernone3',
    ]);
    await dialog(page).getByRole('button', { name: 'Do it all the same' }).click();
    await said(page).getByText('MacBook Pro is changed; it costs $1,500.00.').waitFor();
    const { name, perCustomerLimit } = (await shop.get('/api/v1/products/3')).json;
    expect([name, perCustomerLimit]).toEqual(['MacBook Pro', 3]);

    // A reset names no version: the product is looked at just before.
    await page.getByRole('button', { name: 'Reset …' }).click();
    await change({ priceMinor: 160_000 });
    await carryOut(page, 'Reset', { 'Free units': '100' });
    await dialog(page).getByText('It has changed since you looked.').waitFor();
    expect((await shop.get('/api/v1/products/3')).json.generation).toBe(1);
    await dialog(page).getByRole('button', { name: 'Do it all the same' }).click();
    await said(page).getByText('A new generation has begun with 100 free units.').waitFor();
    expect(grace.complaints).toEqual([]);
  });

  test('a change whose answer was lost is sent again, and done once', async () => {
    await using grace = await signedIn('#products/4');
    const { page } = grace;
    await page.route('**/units', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await page.getByRole('button', { name: 'Add units …' }).click();
    await carryOut(page, 'Add units', { 'Units to add': '5' });
    await dialog(page).getByText('it may be done or not').waitFor();
    await page.unroute('**/units');
    await dialog(page).getByRole('button', { name: 'Send it again' }).click();
    await said(page).getByText('It has 205 units now').waitFor();
    expect((await shop.get('/api/v1/products/4')).json.total).toBe(205);
  });

  test('finds an order by its customer, refunds it, and saves what was found', async () => {
    const bought = await shop.buy('sync', { productId: 5, quantity: 2, userId: 'ada' });
    const { orderId } = bought.json;
    await eventually(async () => (await shop.get(`/api/v1/orders/${orderId}`)).json.status === 'paid');
    await using grace = await signedIn('#orders');
    const { page } = grace;
    await page.getByLabel('Customer').fill('ada');
    await page.getByLabel('State').selectOption('paid');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.waitForURL(/#orders\?customer=ada&status=paid$/);
    const row = page.locator('tbody tr');
    await eventually(async () => (await row.count()) === 1);
    await row.getByText('ada', { exact: true }).waitFor();
    expect(await row.getByRole('link').first().getAttribute('href')).toBe(`/o/${orderId}`);

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save all as CSV' }).click(),
    ]);
    const lines = (await Bun.file((await download.path())!).text()).trim().split(/\r?\n/);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain(orderId);
    await page.getByText('1 orders saved.').or(page.getByText('1 order saved.')).waitFor();

    await page.getByRole('button', { name: /^Refund/ }).click();
    await carryOut(page, 'Refund');
    await said(page)
      .getByText(/Refund(ed| under way)/i)
      .waitFor();
    await eventually(async () => (await shop.get(`/api/v1/orders/${orderId}`)).json.status === 'refunded');
    await page.goBack();
    await page.waitForURL(/#orders$/);
    await page.getByLabel('Order id').fill(orderId);
    await page.getByRole('button', { name: 'Find' }).click();
    await row.getByText('Refunded').waitFor();
    await page.getByLabel('Order id').fill('nobody-has-this');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByText('No order meets this.').waitFor();
    expect(grace.complaints).toEqual([]);
  });

  test('saves more orders than a browser keeps in memory straight to a file', async () => {
    await using grace = await signedIn('#orders');
    const { page } = grace;
    // A browser without a window asks nobody where to save: the first time the operator changes their mind, then there is a file.
    await page.evaluate(() => {
      let asked = 0;
      const showSaveFilePicker = async () => {
        if (++asked === 1) throw new DOMException('The user aborted a request.', 'AbortError');
        const folder = await navigator.storage.getDirectory();
        return folder.getFileHandle('chosen.csv', { create: true });
      };
      Object.assign(globalThis, { showSaveFilePicker });
    });
    const body = `head\n${'row\n'.repeat(100_001)}`;
    await page.route('**/api/v1/orders.csv*', (route) => route.fulfill({ contentType: 'text/csv', body }));
    const toFile = page.getByRole('button', { name: 'Save straight to a file' });
    const tooMany = async () => {
      await page.getByRole('button', { name: 'Save all as CSV' }).click();
      await page.getByText('There are more than 100,000 orders').waitFor();
      expect(await page.locator('.command').textContent()).toContain('/api/v1/orders.csv');
      await toFile.click();
    };
    await tooMany();
    await page.getByText('Stopped. Nothing was saved.').waitFor();
    await tooMany();
    await page.getByText('100,001 orders saved.').waitFor();
    const saved = await page.evaluate(async () => {
      const folder = await navigator.storage.getDirectory();
      return (await (await folder.getFileHandle('chosen.csv')).getFile()).text();
    });
    expect(saved === body).toBe(true);
    expect(grace.complaints).toEqual([]);
  });

  test('looks into a dead letter, replays it, and finds both in the log', async () => {
    await using grace = await signedIn('#dead-letters');
    const { page } = grace;
    await eventually(async () => (await shop.get('/api/v1/ops/dead-letters')).json.groups.length === 1);
    await poisoned.heal();
    await page.getByRole('button', { name: 'Read again' }).click();
    await page.getByText('1 letter · 1 item').waitFor();
    await page.getByText('Look inside').click();
    await page.getByRole('link', { name: poisoned.trackingId }).waitFor();
    await page.getByRole('button', { name: 'Replay' }).click();
    await carryOut(page, 'Replay');
    await said(page).getByText('Replayed: 1 letter, 1 item.').waitFor();
    await page.getByText('There are no dead letters.').waitFor();
    const outcome = () => shop.get(`/api/v1/async/purchase/${poisoned.trackingId}`);
    await eventually(async () => (await outcome()).json.status === 'confirmed');
    await page.getByRole('link', { name: 'Log' }).click();
    await page.locator('tbody tr', { hasText: 'dead-letters.replay' }).getByText('a test').waitFor();
  });

  test('runs the audit, and reads its verdicts as words', async () => {
    await using grace = await signedIn('#audit');
    const { page } = grace;
    await page.getByRole('button', { name: 'Run the audit' }).click();
    await carryOut(page, 'Run the audit');
    await said(page).getByText('The books balance').waitFor();
    const verdicts = await page.locator('.verdicts tbody tr').allTextContents();
    expect(verdicts.length).toBeGreaterThan(5);
    expect(verdicts.every((text) => text.startsWith('PASS'))).toBe(true);
    await page.locator('.doctor tbody tr', { hasText: 'SQLite' }).waitFor();
  });

  test('meets no barrier in any section, in either theme, from 320 to 1920 pixels, and nothing jumps', async () => {
    await shop.buy('sync', {
      productId: 5,
      quantity: 1,
      userId: 'somebody@a-long-name-without-a-space.example',
    });
    await using grace = await signedIn('', { bypassCSP: true });
    const { page } = grace;
    for (const name of SECTIONS) {
      await page.evaluate((to) => {
        location.hash = to;
      }, name);
      await section(page)
        .and(page.locator(`.${name}`))
        .waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        expect([name, colorScheme, await barriersIn(page)]).toEqual([name, colorScheme, []]);
      }
      for (const width of [320, 390, 768, 1440, 1920]) {
        await page.setViewportSize({ width, height: 900 });
        expect([name, width, (await layoutOf(page)).overflow]).toEqual([name, width, 0]);
        if (width > 390 || !STACKED.includes(name)) continue;
        // On a phone the rows of these are cards, and need no scrolling sideways.
        const rows = page.locator('.stacked tbody');
        await rows.locator('tr').first().waitFor();
        expect(await rows.evaluate((all) => all.closest('.scroll')!.scrollWidth - all.clientWidth)).toBe(0);
        expect([name, width, await barriersIn(page)]).toEqual([name, width, []]);
      }
    }
    await page.getByRole('link', { name: 'Products' }).click();
    await page.getByRole('button', { name: 'New product' }).click();
    expect(await barriersIn(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await dialog(page).waitFor({ state: 'hidden' });
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('New product');
    expect(grace.complaints).toEqual([]);
  });

  test('sends a crowd, sees its verdicts arrive, and one who comes late sees its course', async () => {
    await using grace = await signedIn('#crowd');
    const { page } = grace;
    await page.getByLabel('Buyers', { exact: true }).fill('1500');
    await page.getByLabel('Reset to so many units').fill('300');
    await page.getByRole('button', { name: 'Start the crowd' }).click();
    await page.getByText('The crowd is buying').waitFor();
    await page.getByText(/The crowd is through\. +All \d verdicts PASS/).waitFor();
    const verdicts = await page.locator('.verdicts tbody tr').allTextContents();
    expect(verdicts.length).toBeGreaterThan(3);
    expect(verdicts.every((text) => text.startsWith('PASS'))).toBe(true);
    await page.locator('.units-bar').getByText('available 0').waitFor();
    expect(grace.complaints).toEqual([]);

    await using late = await signedIn('#live?product=1');
    for (let i = 0; i < 2; i++) await late.page.waitForResponse('**/api/v1/ops/rates');
    expect((await layoutOf(late.page)).shift).toBe(0);
    await eventually(async () => (await sold(late.page)).includes('300'));
    // What was sold before this page was opened.
    const course = await sold(late.page);
    expect(course.length).toBeGreaterThan(3);
    expect(course.indexOf('300')).toBeGreaterThan(0);
    expect(late.complaints).toEqual([]);
  });

  test('is never shown what cannot be read as nothing, and sees how old the figures are', async () => {
    await using grace = await signedIn('#live');
    const { page } = grace;
    await page.route('**/api/v1/ops/rates', async (route) => {
      const answer = await route.fetch();
      const rates = await answer.json();
      // As of an instance that fell silent six seconds ago.
      const total = { ...rates.total, ageMs: 6_000 };
      await route.fulfill({ response: answer, json: { ...rates, total, units: null, refundsDue: null } });
    });
    await page.locator('.age.bad', { hasText: 'Not what is now' }).waitFor();
    await page.getByText('The units cannot be read now.').waitFor();
    await page.locator('.tiles div', { hasText: 'Refunds due' }).getByText('unknown').waitFor();
    await page.route('**/api/v1/ops/rates', (route) => route.abort());
    await page.getByText('The figures cannot be read now').waitFor();
  });
});

/** The column `sold` of the table that says the same as the chart of units. */
async function sold(page: Page): Promise<string[]> {
  const chart = page.locator('.chart.units');
  const summary = chart.getByText('As a table');
  if (!(await chart.locator('table').isVisible())) await summary.click();
  return chart.locator('tbody tr td:nth-child(2)').allTextContents();
}
