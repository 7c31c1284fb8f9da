import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Page } from 'playwright-core';
import { startGateway } from '../support/gateway.ts';
import { barriersIn, layoutOf, openTestBrowser, type TestBrowser } from '../support/pages.ts';
import { type EmbeddedShop, openShop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** What buyers see and do, in a real browser in front of a real server. */

const browser = await openTestBrowser();
let shop: EmbeddedShop;
/** Its payment company refuses every charge, so that orders stay reserved until their hold is over. */
let unpaid: EmbeddedShop;
beforeAll(async () => {
  [shop, unpaid] = await Promise.all([openShop(), openShop({ PULSECART_SIMULATOR_ERROR_RATE: '1' })]);
});
afterAll(async () => {
  await Promise.all([
    shop[Symbol.asyncDispose](),
    unpaid[Symbol.asyncDispose](),
    browser?.[Symbol.asyncDispose](),
  ]);
});

const BUY = /^Buy for/;
const button = (page: Page) => page.locator('button.primary');
const result = (page: Page) => page.locator('.result');
const visible = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();

/** Puts a product on sale, and answers its id. */
async function onSale(at: EmbeddedShop, terms: object = {}): Promise<number> {
  const body = {
    name: 'Concert ticket',
    priceMinor: 12_500,
    currency: 'EUR',
    units: 10,
    reason: 'test',
    ...terms,
  };
  const { status, json } = await at.call('POST', '/api/v1/products', { body });
  expect(status).toBe(201);
  return json.productId;
}

async function openProduct(page: Page, at: { readonly url: string }, productId: number): Promise<void> {
  await page.goto(`${at.url}/p/${productId}`);
  await visible(page, 'Live');
}

const idOf = (href: string | null) => href!.split('/').at(-1)!;

describe.skipIf(browser === null)('a buyer with a browser', () => {
  const { person } = browser as TestBrowser;

  test('buys the sync way, sees the answer timed, and the order paid', async () => {
    await using ada = await person();
    const { page } = ada;
    const productId = await onSale(shop);
    await openProduct(page, shop, productId);
    await page.getByRole('button', { name: BUY }).click();
    await visible(page, /Your answer took \d+ ms|Your answer took [\d.]+ s/);
    await result(page).getByText('Paid', { exact: true }).waitFor();
    await visible(page, '9 of 10 left');
    await page.getByRole('link', { name: 'Follow the order' }).click();
    await page.getByRole('heading', { name: 'Order no. 1' }).waitFor();
    expect(await page.locator('.steps li').allTextContents()).toEqual([
      expect.stringMatching(/^Reserved\d/),
      expect.stringMatching(/^Payment\d/),
      expect.stringMatching(/^Paid\d/),
    ]);
    await visible(page, '€125.00');
    await visible(page, 'captured');
    await page.getByRole('link', { name: 'My orders' }).click();
    await page.locator('.rows li', { hasText: 'Concert ticket' }).getByText('Paid').waitFor();
    expect(ada.complaints).toEqual([]);
  });

  test('buys the async way, and the outcome arrives without a reload', async () => {
    await using grace = await person();
    const { page } = grace;
    await openProduct(page, shop, await onSale(shop));
    await page.getByRole('radio', { name: /Async/ }).check();
    await page.getByRole('button', { name: BUY }).click();
    await visible(page, /the outcome was there after/);
    await result(page).getByText('Paid', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'Follow the order' }).click();
    await page.waitForURL('**/t/*');
    expect(await page.locator('.steps li').first().textContent()).toMatch(/^Queued\d/);
    await page.locator('.status', { hasText: 'Paid' }).waitFor();
    expect(grace.complaints).toEqual([]);
  });

  test('follows a queued purchase that is decided while the page is open', async () => {
    await using grace = await person();
    const { page } = grace;
    const productId = await onSale(shop, { units: 1 });
    const held = await shop.holdWrites();
    // Accepted before the disk hung is what the page would see; here it is asked for while nothing can be decided.
    await held[Symbol.asyncDispose]();
    const { json } = await shop.buy('async', { productId, quantity: 1, userId: 'grace' });
    await page.goto(`${shop.url}/t/${json.trackingId}`);
    await page.locator('.status', { hasText: 'Paid' }).waitFor();
    const refused = await shop.buy('async', { productId, quantity: 1, userId: 'alan' });
    await page.goto(`${shop.url}/t/${refused.json.trackingId}`);
    await page.locator('.status', { hasText: 'Not bought' }).waitFor();
    await visible(page, 'Out of stock. Requested: 1, Available: 0');
  });

  test('sees the same units as another one, sold out, and a unit that comes back', async () => {
    await using ada = await person();
    await using alan = await person();
    const productId = await onSale(unpaid, { units: 1, currency: 'JPY', priceMinor: 5_000 });
    for (const { page } of [ada, alan]) {
      await openProduct(page, unpaid, productId);
      await page.getByRole('button', { name: 'Buy for ¥5,000' }).waitFor();
    }
    await button(ada.page).click();
    for (const { page } of [ada, alan]) await visible(page, '1 reserved and not paid yet: it may come back.');
    expect(await button(alan.page).textContent()).toBe('Sold out');
    expect(await button(alan.page).getAttribute('aria-disabled')).toBe('true');
    await ada.page.getByRole('link', { name: 'Follow the order' }).click();
    await visible(ada.page, /Kept for you for another (10:00|09:\d\d)/);
    // It may be charged just now, and then says so; the attempt is over in a moment.
    await until(async () => {
      const cancel = ada.page.getByRole('button', { name: 'Cancel the order' });
      if (await cancel.isVisible()) await cancel.click().catch(() => {});
      return ada.page.locator('.status', { hasText: 'Cancelled' }).isVisible();
    });
    await alan.page.getByRole('button', { name: BUY }).waitFor();
    await visible(alan.page, '1 of 1 left');
  });

  test('sees a hold run out', async () => {
    await using ada = await person();
    const { page } = ada;
    await openProduct(page, unpaid, await onSale(unpaid, { holdSeconds: 2 }));
    await button(page).click();
    await page.getByRole('link', { name: 'Follow the order' }).click();
    await page.locator('.status', { hasText: 'Expired' }).waitFor();
    expect(await page.locator('.steps .bad').textContent()).toMatch(/^Expired\d/);
    await visible(page, 'so the units went back on sale');
  });

  test('whose answer is lost on the way gets it, and one order, and notices nothing but time', async () => {
    await using ada = await person();
    const { page } = ada;
    const productId = await onSale(shop, { units: 5 });
    let cuts = 0;
    const gateway = await startGateway(shop.url, () => (bytes) => {
      if (cuts > 0 || !bytes.includes('Purchase successful')) return bytes;
      cuts++;
      gateway.cut();
      return Buffer.alloc(0);
    });
    try {
      const at = { url: gateway.url.replace(/\/$/, '') };
      await openProduct(page, at, productId);
      await button(page).click();
      await result(page).getByText('Paid', { exact: true }).waitFor();
      await visible(page, '4 of 5 left');
      const { json } = await shop.get(`/api/v1/products/${productId}`);
      expect([cuts, json.sold + json.reserved]).toEqual([1, 1]);
    } finally {
      await page.close();
      await gateway.close();
    }
  });

  test('whose purchase nobody can answer yet is asked to wait, and is told the outcome by itself', async () => {
    await using ada = await person();
    const { page } = ada;
    await using own = await openShop({ PULSECART_PURCHASE_TIMEOUT_MS: '500' });
    const productId = await onSale(own, { units: 3 });
    await openProduct(page, own, productId);
    const held = await own.holdWrites();
    await button(page).click();
    await visible(page, /No answer yet \(try \d+\)/);
    expect(await button(page).textContent()).toBe('Waiting for your answer …');
    await held[Symbol.asyncDispose]();
    await result(page).getByText('Paid', { exact: true }).waitFor();
    expect((await own.get(`/api/v1/products/${productId}`)).json.available).toBe(2);
  });

  test('sees what a product is, with its picture from another place', async () => {
    await using ada = await person();
    const { page } = ada;
    await page.route('https://pictures.example/**', (route) =>
      route.fulfill({
        contentType: 'image/svg+xml',
        body: '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="6"/>',
      }),
    );
    const productId = await onSale(shop, {
      description: 'Two days, three stages.\nDoors open at six.',
      imageUrl: 'https://pictures.example/stage.svg',
    });
    await openProduct(page, shop, productId);
    expect(await page.locator('.description').innerText()).toBe(
      'Two days, three stages.\nDoors open at six.',
    );
    await until(() =>
      page.locator('.picture img').evaluate((image) => (image as HTMLImageElement).naturalWidth > 0),
    );
    expect(ada.complaints).toEqual([]);
  });

  test('who loads the page again before the answer gets it there, and buys once', async () => {
    await using ada = await person();
    const { page } = ada;
    const productId = await onSale(shop, { units: 5 });
    await openProduct(page, shop, productId);
    let requests = 0;
    await page.route('**/sync/purchase', async (route) => {
      requests++;
      // The first is carried out, and its answer never arrives.
      if (requests > 1) return route.continue();
      await route.fetch();
    });
    await button(page).click();
    await until(async () => (await shop.get(`/api/v1/products/${productId}`)).json.available === 4);
    await page.reload();
    await result(page).getByText('Paid', { exact: true }).waitFor();
    expect((await shop.get(`/api/v1/products/${productId}`)).json.available).toBe(4);
    expect(requests).toBe(2);
  });

  test('keeps a page open over a restart: it says so, recovers by itself, and shows the right numbers', async () => {
    await using ada = await person();
    const { page } = ada;
    await using own = await openShop();
    const productId = await onSale(own, { units: 7 });
    await openProduct(page, own, productId);
    const restarted = own.restart();
    await visible(page, 'Reconnecting …');
    await restarted;
    await own.buy('sync', { productId, quantity: 3, userId: 'alan' });
    await visible(page, '4 of 7 left');
    await visible(page, 'Live');
    await button(page).click();
    await result(page).getByText('Paid', { exact: true }).waitFor();
    expect(ada.complaints).toEqual([]);
  });

  test.each([-3_600_000, 3_600_000])(
    'with a clock that is off by %d ms buys in the second in which the sale opens',
    async (offMs) => {
      await using ada = await person();
      const { page } = ada;
      await page.addInitScript((ms) => {
        const Real = Date;
        const now = () => Real.now() + ms;
        globalThis.Date = new Proxy(Real, {
          construct: (_, args) => (args.length === 0 ? new Real(now()) : new Real(...(args as [number]))),
          get: (_, name) => (name === 'now' ? now : Reflect.get(Real, name)),
        });
      }, offMs);
      await page.addInitScript(() => {
        const seen = new MutationObserver(() => {
          const isOpen = document.querySelector('button.primary')?.textContent?.startsWith('Buy for');
          if (isOpen && performance.getEntriesByName('open').length === 0) performance.mark('open');
        });
        seen.observe(document, { childList: true, subtree: true, characterData: true });
      });
      const opensAt = Date.now() + 3_000;
      const productId = await onSale(shop, { opensAt: new Date(opensAt).toISOString() });
      await openProduct(page, shop, productId);
      expect(await button(page).textContent()).toMatch(/^Opens in 00:0[1-3]$/);
      await page.getByRole('button', { name: BUY }).waitFor();
      // This machine's clock is the server's, and the page's own time of that moment was not tampered with.
      const openedAt = await page.evaluate(
        () => performance.timeOrigin + performance.getEntriesByName('open')[0]!.startTime,
      );
      expect(openedAt).toBeGreaterThanOrEqual(opensAt - 1);
      expect(openedAt).toBeLessThan(opensAt + 2_000);
      await button(page).click();
      await result(page).getByText('Paid', { exact: true }).waitFor();
    },
  );

  test('is told why nothing can be bought: paused, closed, at the limit', async () => {
    await using ada = await person();
    const { page } = ada;
    const productId = await onSale(shop, { perCustomerLimit: 1 });
    await openProduct(page, shop, productId);
    expect(await page.locator('#quantity option').count()).toBe(1);
    await button(page).click();
    await result(page).getByText('Paid', { exact: true }).waitFor();
    await button(page).click();
    await visible(page, 'You have reached the limit of this sale. Nothing more was bought.');
    await page.getByRole('button', { name: 'Your limit is reached' }).waitFor();
    await page.reload();
    const step = (name: string) =>
      shop.call('POST', `/api/v1/products/${productId}/${name}`, { body: { reason: 'test' } });
    expect((await step('pause')).status).toBe(200);
    await page.getByRole('button', { name: 'Paused' }).waitFor();
    expect((await step('resume')).status).toBe(200);
    await page.getByRole('button', { name: BUY }).waitFor();
    expect(await page.locator('.about > [role=status]').textContent()).toBe(
      'The sale is open, and units are free.',
    );
    const price = { priceMinor: 9_900, reason: 'test' };
    await page.route('**/stock/stream*', (route) => route.abort());
    await page.reload();
    expect((await shop.call('PATCH', `/api/v1/products/${productId}`, { body: { ...price } })).status).toBe(
      200,
    );
    await page.getByRole('button', { name: 'Buy for €125.00' }).click();
    await visible(page, 'The price has changed since this page was shown.');
    await page.unroute('**/stock/stream*');
    await page.reload();
    await page.getByRole('button', { name: 'Buy for €99.00' }).waitFor();
    expect((await step('drain')).status).toBe(200);
    await page.getByRole('button', { name: 'The sale is over' }).waitFor();
  });

  test('needs no mouse', async () => {
    await using ada = await person();
    const { page } = ada;
    await openProduct(page, shop, await onSale(shop));
    for (
      let presses = 0;
      !(await button(page).evaluate((element) => element === document.activeElement));
      presses++
    ) {
      expect(presses).toBeLessThan(20);
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await result(page).getByText('Paid', { exact: true }).waitFor();
  });

  test('cannot cancel the order of another one', async () => {
    await using ada = await person();
    const { page } = ada;
    const productId = await onSale(unpaid);
    const { json } = await unpaid.buy('sync', { productId, quantity: 1, userId: 'alan' });
    await page.goto(`${unpaid.url}/o/${json.orderId}`);
    await until(async () => {
      const cancel = page.getByRole('button', { name: 'Cancel the order' });
      if (await cancel.isVisible()) await cancel.click().catch(() => {});
      return page.getByText('There is no order with this id').isVisible();
    });
    expect((await unpaid.get(`/api/v1/orders/${json.orderId}`)).json.status).not.toBe('cancelled');
  });

  test.each([
    ['/p/999999', 'There is no such product'],
    ['/p/first', 'There is no such product'],
    ['/o/01a2040e-e549-70c2-8a78-490084e26084', 'There is no such order'],
    ['/t/nothing', 'There is no such order'],
  ])('who follows a wrong link to %s is told', async (path, heading) => {
    await using ada = await person();
    const answer = await ada.page.goto(shop.url + path);
    expect(answer!.status()).toBe(404);
    await ada.page.getByRole('heading', { name: heading }).waitFor();
  });

  test('whose browser runs no script still reads what is on sale, and how it stood', async () => {
    await using ada = await person({ javaScriptEnabled: false });
    const { page } = ada;
    await page.goto(shop.url);
    await visible(page, 'iPhone 15 Pro - Flash Sale');
    await visible(page, '1,000 of 1,000 left');
    await visible(page, 'Live units and buying need JavaScript');
    const { json } = await shop.buy('sync', { productId: 2, quantity: 1, userId: 'ada' });
    await until(async () => (await shop.get(`/api/v1/orders/${json.orderId}`)).json.status === 'paid');
    await page.goto(`${shop.url}/o/${json.orderId}`);
    await page.locator('.status', { hasText: 'Paid' }).waitFor();
  });

  test('finds no barrier and no shift on any page, from 320 to 1920 pixels, in either theme', async () => {
    const open = await onSale(shop);
    const coming = await onSale(shop, { opensAt: new Date(Date.now() + 3_600_000).toISOString() });
    const { json } = await shop.buy('sync', { productId: open, quantity: 2, userId: 'ada' });
    const paths = ['/', `/p/${open}`, `/p/${coming}`, `/o/${idOf(json.orderId)}`, '/orders', '/p/999999'];
    for (const colorScheme of ['light', 'dark'] as const) {
      await using ada = await person({ colorScheme, bypassCSP: true });
      for (const path of paths) {
        await ada.page.goto(shop.url + path);
        await ada.page.waitForLoadState('load');
        expect([path, await barriersIn(ada.page)]).toEqual([path, []]);
        for (const width of [320, 390, 768, 1440, 1920]) {
          await ada.page.setViewportSize({ width, height: 900 });
          expect([path, width, (await layoutOf(ada.page)).overflow]).toEqual([path, width, 0]);
        }
      }
    }
    await using alan = await person();
    for (const path of paths) {
      await alan.page.goto(shop.url + path);
      await shop.buy('sync', { productId: open, quantity: 1, userId: 'alan' });
      await alan.page.waitForLoadState('load');
      expect([path, (await layoutOf(alan.page)).shift]).toEqual([path, 0]);
    }
  });
});
