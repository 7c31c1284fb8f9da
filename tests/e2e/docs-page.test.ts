import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContextOptions } from 'playwright-core';
import { barriersAround, operationIn, sendFrom } from '../support/docs-page.ts';
import { layoutOf, openTestBrowser, type Person } from '../support/pages.ts';
import { type EmbeddedShop, eventually, openShop } from '../support/shop.ts';

/** `/docs` in a real browser: requests sent from it, code in three languages, and the page without scripts and in production. */

const browser = await openTestBrowser();

describe.skipIf(browser === null)('/docs in a browser', () => {
  let shop: EmbeddedShop;
  let docs: string;
  beforeAll(async () => {
    shop = await openShop();
    docs = `${shop.url}/docs`;
  });
  afterAll(async () => {
    await Promise.all([browser!, shop].map((one) => one[Symbol.asyncDispose]()));
  });

  async function reading(url: string, options: BrowserContextOptions = {}): Promise<Person> {
    const reader = await browser!.person(options);
    await reader.page.goto(url);
    return reader;
  }

  const streamsOpen = async () =>
    (await shop.get('/actuator/metrics/pulsecart_stream_connections')).json.measurements[0].value as number;

  test('buys by Send, shows the answer, and fills its id in where the order is read', async () => {
    await using opened = await reading(docs);
    const { page, complaints } = opened;
    expect(await sendFrom(page, 'buy')).toMatch(/^200 OK, \d+ ms$/);
    const reply = operationIn(page, 'buy').locator('.reply');
    const bought = JSON.parse(await reply.locator('pre').innerText());
    expect(bought).toMatchObject({ success: true, productId: 3, quantity: 1 });
    expect(await reply.locator('pre').innerText()).toBe(JSON.stringify(bought, null, 2));
    expect(await reply.locator('dl').innerText()).toContain('application/json');
    expect(await sendFrom(page, 'readOrder')).toStartWith('200 OK');
    expect(await operationIn(page, 'readOrder').locator('.reply pre').innerText()).toContain(bought.orderId);
    expect(complaints).toEqual([]);
  });

  test('sends what was written into the form, and shows a refusal', async () => {
    await using opened = await reading(docs);
    const { page } = opened;
    const buy = operationIn(page, 'buy');
    await buy.locator('.send summary').click();
    await buy.getByLabel('Body').fill('{"productId": 999, "quantity": 1}');
    expect(await sendFrom(page, 'buy')).toStartWith('404 Not Found');
    expect(await buy.locator('.reply').innerText()).toContain('unknown_product');
    const list = operationIn(page, 'listProducts');
    await list.locator('.send summary').click();
    await list.getByLabel('limit').fill('1');
    await sendFrom(page, 'listProducts');
    expect(JSON.parse(await list.locator('.reply pre').innerText()).products).toHaveLength(1);
  });

  test('sends the operator token with calls of operators and with no others, and keeps it nowhere', async () => {
    await using opened = await reading(docs);
    const { page, complaints } = opened;
    expect(await sendFrom(page, 'rates')).toStartWith('401 Unauthorized');
    const token = readFileSync(join(shop.folder, 'operator-token'), 'utf8').trim();
    await page.getByLabel('Operator token', { exact: true }).fill(token);
    const sent: [string, string | undefined][] = [];
    page.on('request', (request) =>
      sent.push([new URL(request.url()).pathname, request.headers().authorization]),
    );
    expect(await sendFrom(page, 'rates')).toStartWith('200 OK');
    expect(await sendFrom(page, 'pauseSale')).toStartWith('200 OK');
    expect(await sendFrom(page, 'resumeSale')).toStartWith('200 OK');
    expect(await sendFrom(page, 'listProducts')).toStartWith('200 OK');
    await operationIn(page, 'listProducts').getByLabel('As an operator').check();
    expect(await sendFrom(page, 'listProducts')).toStartWith('200 OK');
    const bearer = `Bearer ${token}`;
    expect(sent).toEqual([
      ['/api/v1/ops/rates', bearer],
      ['/api/v1/products/3/pause', bearer],
      ['/api/v1/products/3/resume', bearer],
      ['/api/v1/products', undefined],
      ['/api/v1/products', bearer],
    ]);
    const kept = await page.evaluate(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])',
    );
    expect(kept).not.toContain(token);
    expect(await operationIn(page, 'rates').locator('figure').innerText()).toContain(
      '$PULSECART_OPERATOR_TOKEN',
    );
    expect(await page.content()).not.toContain(token);
    await page.reload();
    expect(await page.getByLabel('Operator token', { exact: true }).inputValue()).toBe('');
    expect(complaints).toEqual([]);
  });

  test('follows the event stream until it is stopped', async () => {
    await using opened = await reading(docs);
    const { page } = opened;
    const send = operationIn(page, 'streamStock').locator('.send');
    await send.locator('summary').click();
    await send.getByLabel('products').fill('2');
    await send.getByRole('button', { name: 'Send', exact: true }).click();
    const events = send.locator('.reply pre');
    await events.filter({ hasText: 'event: snapshot' }).waitFor();
    await shop.buy('sync', { productId: 2, quantity: 1, userId: 'grace' });
    await events.filter({ hasText: 'event: stock.changed' }).waitFor();
    expect(await streamsOpen()).toBe(1);
    await send.getByRole('button', { name: 'Stop', exact: true }).click();
    await send.getByRole('status').filter({ hasText: 'stopped' }).waitFor();
    await eventually(async () => (await streamsOpen()) === 0);
    // What had come stays to be read, and the button sends again.
    expect(await events.innerText()).toContain('event: snapshot');
    await send.getByRole('button', { name: 'Send', exact: true }).waitFor();
  });

  test('shows curl, JavaScript or Python by keyboard, for the whole page and for the next time', async () => {
    await using opened = await reading(docs);
    const { page, complaints } = opened;
    const tab = (id: string, name: string) => operationIn(page, id).getByRole('tab', { name });
    const code = (id: string) => operationIn(page, id).locator('figure pre:visible').innerText();
    expect(await code('buy')).toStartWith(`curl ${shop.url}/api/v1/sync/purchase`);
    await tab('buy', 'curl').focus();
    await page.keyboard.press('ArrowRight');
    expect(await tab('buy', 'JavaScript').getAttribute('aria-selected')).toBe('true');
    expect(await code('buy')).toStartWith(`const response = await fetch("${shop.url}/api/v1/sync/purchase"`);
    await page.keyboard.press('End');
    expect(await code('buy')).toContain('requests.post(');
    expect(await code('refundOrder')).toContain('requests.post(');
    await page.keyboard.press('ArrowRight');
    expect(await code('buy')).toStartWith('curl');
    await page.keyboard.press('ArrowLeft');
    // One stop for the Tab key: the chosen one.
    const stops = operationIn(page, 'buy').locator('[role=tab][tabindex="0"]');
    expect(await stops.allInnerTexts()).toEqual(['Python']);
    await page.reload();
    expect(await code('refundOrder')).toContain('requests.post(');
    expect(await tab('refundOrder', 'Python').getAttribute('aria-selected')).toBe('true');
    expect(complaints).toEqual([]);
  });

  test.each([
    [390, 'light'],
    [1440, 'dark'],
  ] as const)(
    'at %i pixels, %s, has no faults of access, moves nothing, and is never wider than the window',
    async (width, colorScheme) => {
      const viewport = { width, height: 900 };
      await using opened = await reading(docs, { viewport, colorScheme, bypassCSP: true });
      const { page } = opened;
      await sendFrom(page, 'buy');
      await operationIn(page, 'createProduct').locator('.send summary').click();
      // Requests above it get longer.
      const tab = operationIn(page, 'createProduct').getByRole('tab', { name: 'Python' });
      await tab.scrollIntoViewIfNeeded();
      const before = (await tab.boundingBox())!.y;
      await tab.click();
      expect(Math.abs((await tab.boundingBox())!.y - before)).toBeLessThan(2);
      expect((await layoutOf(page)).shift).toBe(0);
      for (const narrower of [width, width - 70, width + 480]) {
        await page.setViewportSize({ ...viewport, width: narrower });
        expect([narrower, (await layoutOf(page)).overflow]).toEqual([narrower, 0]);
      }
      await page.setViewportSize(viewport);
      expect(await barriersAround(page, ['buy', 'createProduct', 'listProducts', 'streamStock'])).toEqual([]);
    },
  );

  test('reads in full without scripts: the code of all languages, and no form that could not work', async () => {
    await using opened = await reading(docs, { javaScriptEnabled: false });
    const { page } = opened;
    const code = await operationIn(page, 'buy').locator('figure pre:visible').allInnerTexts();
    expect(code.map((text) => text.split(/\W/, 1)[0])).toEqual(['curl', 'const', 'import']);
    expect(await page.locator('form:visible, input:visible, [role=tab]:visible, .send:visible').count()).toBe(
      0,
    );
    expect(await page.locator('nav a:visible').count()).toBeGreaterThan(50);
  });

  test('has no Send and no token box in production, and may connect to nothing', async () => {
    await using production = await openShop({
      PULSECART_MODE: 'production',
      PULSECART_OPERATOR_TOKEN: 'a token of more than 16 characters',
      PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
      HOST: '127.0.0.1',
    });
    await using opened = await reading(`${production.url}/docs`);
    const { page, complaints } = opened;
    expect(await page.locator('.send, form, #token').count()).toBe(0);
    expect(await operationIn(page, 'buy').getByRole('tab').count()).toBe(3);
    const { headers } = await production.get('/docs');
    expect(headers.get('content-security-policy')).not.toContain('connect-src');
    expect((await shop.get('/docs')).headers.get('content-security-policy')).toContain("connect-src 'self'");
    expect(complaints).toEqual([]);
  });
});
