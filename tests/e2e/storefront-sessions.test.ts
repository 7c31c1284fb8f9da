import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { signWith } from '../support/issuer.ts';
import { openTestBrowser, type TestBrowser } from '../support/pages.ts';
import { type EmbeddedShop, openShop } from '../support/shop.ts';

/** The storefront where buyers are known, in a real browser: guests, somebody else's order, and who signed in at the shop. */

const SECRET = 'a secret of the shop, for tests alone';
const browser = await openTestBrowser();
let shop: EmbeddedShop;
beforeAll(async () => {
  shop = await openShop({ PULSECART_AUTH_SECRET: SECRET, PULSECART_PAYMENTS: 'off' });
});
afterAll(async () => {
  await Promise.all([shop[Symbol.asyncDispose](), browser?.[Symbol.asyncDispose]()]);
});

describe.skipIf(browser === null)('a browser where buyers are known', () => {
  const { person } = browser as TestBrowser;

  test('buys as the guest that it was made once, whose order is its own', async () => {
    await using guest = await person();
    await using other = await person();
    const { page } = guest;
    await page.goto(`${shop.url}/p/3`);
    await page.getByRole('button', { name: /^Buy for/ }).click();
    const link = page.locator('.result a[href^="/o/"]').first();
    const path = (await link.getAttribute('href'))!;
    await page.goto(shop.url + path);
    await page.getByRole('button', { name: 'Cancel' }).waitFor();
    expect((await other.page.goto(shop.url + path))!.status()).toBe(404);
    // Its session, and so its order, is there after a visit, too.
    await page.goto(`${shop.url}/orders`);
    await page.getByText('You buy as a guest').waitFor();
    expect((await page.goto(shop.url + path))!.status()).toBe(200);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Cancelled').first().waitFor();
  });

  test('that has lost its session gets another one, and the purchase goes on', async () => {
    await using guest = await person();
    const { page } = guest;
    await page.goto(`${shop.url}/p/3`);
    await page.waitForFunction(() => localStorage.getItem('pulsecart.session-end') !== null);
    await page.context().clearCookies();
    await page.getByRole('button', { name: /^Buy for/ }).click();
    await page.locator('.result a[href^="/o/"]').first().waitFor();
  });

  test('says who signed in at the shop', async () => {
    await using ada = await person();
    const { page } = ada;
    const token = await signWith(SECRET, { sub: 'ada' });
    await page.goto(shop.url);
    await page.evaluate(
      (authorization) => fetch('/api/v1/session', { method: 'POST', headers: { authorization } }),
      `Bearer ${token}`,
    );
    await page.goto(`${shop.url}/orders`);
    await page.getByText('You are signed in as ada.').waitFor();
  });
});
