import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { barriersIn, layoutOf, openTestBrowser, type Person, type TestBrowser } from '../support/pages.ts';
import { openShop, type Shop } from '../support/shop.ts';
import type { StripeStandIn } from '../support/stripe/stand-in.ts';
import { serveStripeJs } from '../support/stripe/stripe-js.ts';
import { openStripeShop, type StripeShop } from '../support/stripe-shop.ts';
import { until } from '../support/until.ts';

/** Buyers who pay by themselves, in a real browser, at a stand-in for Stripe. */

const browser = await openTestBrowser();
let paying: StripeShop;
let shop: Shop;
let company: StripeStandIn;
beforeAll(async () => {
  // Calls have time beside a browser, and a hold that has run out is noticed when the lease ends.
  const env = { PULSECART_STRIPE_TIMEOUT_MS: '2000', PULSECART_PAYMENT_LEASE_MS: '2500' };
  paying = await openStripeShop(openShop, { env });
  shop = paying.shop;
  company = paying.stripe;
});
afterAll(() => Promise.all([paying[Symbol.asyncDispose](), browser?.[Symbol.asyncDispose]()]));

const status = (page: Page, text: string) => page.locator('.status', { hasText: text }).waitFor();
const says = (page: Page, text: string | RegExp) => page.locator('.pay').getByText(text).waitFor();
const payButton = (page: Page) => page.getByRole('button', { name: /^Pay/ });

/** An unpaid order of one unit. */
async function reserve(terms: { readonly holdSeconds?: number } = {}): Promise<string> {
  const { json } = await paying.sell({ priceMinor: 12_500, currency: 'EUR', ...terms });
  return paying.buy(json.productId);
}

async function enter(page: Page, card: string): Promise<void> {
  await page.frameLocator('.pay-form iframe').locator('#card').fill(card);
}

/** Enters a card and pays with it. */
async function payWith(page: Page, card: string): Promise<void> {
  await says(page, 'What you enter goes to Stripe alone');
  await enter(page, card);
  await payButton(page).click();
}

describe.skipIf(browser === null)('a buyer who pays', () => {
  async function person(options?: BrowserContextOptions): Promise<Person> {
    const one = await (browser as TestBrowser).person(options);
    await serveStripeJs(one.context, company);
    return one;
  }

  test.each([
    ['sync', 'Order id'],
    ['async', 'Tracking id'],
  ])('buys the %s way, pays on the same page, and sees the order paid', async (way, shown) => {
    await using ada = await person();
    const { page } = ada;
    const { json } = await paying.sell({ priceMinor: 2_500, currency: 'EUR' });
    const heard: string[] = [];
    page.on('request', (request) => {
      if (request.url().startsWith(shop.url)) heard.push(request.url(), request.postData() ?? '');
    });
    await page.goto(`${shop.url}/p/${json.productId}`);
    await page.getByRole('radio', { name: new RegExp(`^${way}`, 'i') }).check();
    await page.getByRole('button', { name: 'Buy for €25.00' }).click();
    await page.getByRole('heading', { name: 'Pay €25.00' }).waitFor();
    await says(page, /Kept for you for another (10:00|09:\d\d)/);
    await payWith(page, 'pm_card_visa');
    await page.locator('.result').getByText('Paid', { exact: true }).waitFor();
    await page.locator('.pay').waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Follow the order' }).click();
    await status(page, 'Paid');
    await page.getByText(shown).waitFor();
    expect(ada.complaints).toEqual([]);
    // What was entered went past the shop.
    expect(heard.join('\n')).toContain('/payment');
    expect(heard.join('\n')).not.toContain('pm_card');
  });

  test('whose card is declined reads why, and pays with another one', async () => {
    await using ada = await person();
    const { page } = ada;
    const orderId = await reserve();
    await page.goto(`${shop.url}/o/${orderId}`);
    await payWith(page, 'pm_card_visa_chargeDeclinedInsufficientFunds');
    await says(page, 'Your card has insufficient funds. Nothing was charged. You can try again');
    await enter(page, 'pm_card_mastercard');
    await payButton(page).click();
    await status(page, 'Paid');
    expect((await paying.read(orderId)).payments).toHaveLength(1);
    expect(ada.complaints).toEqual([]);
  });

  test.each([
    ['proves who is paying at the bank, and comes back to a paid order', 'Yes, it is me'],
    ['fails to prove it, comes back, and pays with another card', 'No'],
  ])('%s', async (_, answer) => {
    await using ada = await person();
    const { page } = ada;
    const orderId = await reserve();
    await page.goto(`${shop.url}/o/${orderId}`);
    await payWith(page, 'pm_card_authenticationRequired');
    await page.getByRole('link', { name: answer }).click();
    await page.waitForURL(`${shop.url}/o/${orderId}**`);
    if (answer === 'No') {
      await says(page, 'The payment was not confirmed, and nothing was charged.');
      await enter(page, 'pm_card_visa');
      await payButton(page).click();
    }
    await status(page, 'Paid');
    expect(page.url()).toBe(`${shop.url}/o/${orderId}`);
    expect(ada.complaints).toEqual([]);
  });

  test('who left the page of the bank without an answer goes on there', async () => {
    await using ada = await person();
    const { page } = ada;
    const orderId = await reserve();
    await page.goto(`${shop.url}/o/${orderId}`);
    await payWith(page, 'pm_card_authenticationRequired');
    await page.getByRole('heading', { name: 'Your bank' }).waitFor();
    await page.goBack();
    await says(page, 'Your bank wants you to confirm this payment.');
    await page.getByRole('button', { name: 'Go on at your bank' }).click();
    await page.getByRole('link', { name: 'Yes, it is me' }).click();
    await status(page, 'Paid');
  });

  test('comes back to a page that the browser has kept as it was left, and can pay there', async () => {
    await using ada = await person();
    const { page, context } = ada;
    await page.goto(`${shop.url}/o/${await reserve()}`);
    await context.route('https://api.stripe.com/pay', () => {}, { times: 1 });
    await payWith(page, 'pm_card_visa');
    await says(page, 'Your bank is asked.');
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
    await payWith(page, 'pm_card_visa');
    await status(page, 'Paid');
  });

  test('is not believed by the address: the server says what became of the payment', async () => {
    await using ada = await person();
    const { page } = ada;
    const orderId = await reserve();
    await page.goto(`${shop.url}/o/${orderId}?payment_intent=pi_1&redirect_status=succeeded`);
    await says(page, 'The payment was not confirmed, and nothing was charged.');
    expect(page.url()).toBe(`${shop.url}/o/${orderId}`);
    expect((await paying.read(orderId)).status).toBe('charging');
  });

  test('sees the hold run out on the open page, where nothing can be paid any more', async () => {
    await using ada = await person();
    const { page } = ada;
    const orderId = await reserve({ holdSeconds: 5 });
    // Without news of the order the page's own clock says it.
    const news = /\/api\/v1\/(stock\/stream|orders\/[\w-]+$)/;
    await page.route(news, (route) => route.abort());
    await page.goto(`${shop.url}/o/${orderId}`);
    await says(page, 'The time to pay is over.');
    expect(await payButton(page).isVisible()).toBe(false);
    await page.unroute(news);
    await status(page, 'Expired');
    expect(await page.locator('.pay').count()).toBe(0);
  });

  test('who is at the bank when the hold runs out is charged nothing, and reads that it has run out', async () => {
    await using ada = await person();
    const { page } = ada;
    const orderId = await reserve({ holdSeconds: 5 });
    await page.goto(`${shop.url}/o/${orderId}`);
    await payWith(page, 'pm_card_authenticationRequired');
    await page.getByRole('heading', { name: 'Your bank' }).waitFor();
    await paying.untilIt(orderId, 'expired');
    await page.getByRole('link', { name: 'Yes, it is me' }).click();
    await status(page, 'Expired');
    expect(page.url()).toBe(`${shop.url}/o/${orderId}`);
    expect(paying.intentsOf(orderId).map(({ status }) => status)).toEqual(['canceled']);
  });

  test('cancels instead, and the payment with it', async () => {
    await using ada = await person();
    const { page } = ada;
    await page.goto(`${shop.url}/p/2`);
    await page.getByRole('button', { name: /^Buy for/ }).click();
    await page.getByRole('link', { name: 'Follow the order' }).click();
    await page.waitForURL('**/o/*');
    const orderId = new URL(page.url()).pathname.split('/').at(-1)!;
    await says(page, 'What you enter goes to Stripe alone');
    await page.getByRole('button', { name: 'Cancel the order' }).click();
    await status(page, 'Cancelled');
    expect(paying.intentsOf(orderId).map(({ status }) => status)).toEqual(['canceled']);
  });

  test('whose browser does not get the script of Stripe is told so, and tries again', async () => {
    await using ada = await (browser as TestBrowser).person();
    const { page, context } = ada;
    await context.route('https://js.stripe.com/**', (route) => route.abort());
    await page.goto(`${shop.url}/o/${await reserve()}`);
    await says(page, 'The payment form of Stripe (js.stripe.com) did not load. Nothing was charged.');
    expect(await payButton(page).isVisible()).toBe(false);
    await context.unrouteAll();
    await serveStripeJs(context, company);
    await page.getByRole('button', { name: 'Try again' }).click();
    await payWith(page, 'pm_card_visa');
    await status(page, 'Paid');
  });

  test('who comes while Stripe turns the server away waits, and reads so when it takes long', async () => {
    await using ada = await person();
    const { page } = ada;
    company.faults.add({ kind: 'rate_limit', route: 'POST /v1/payment_intents', times: 2 });
    await page.goto(`${shop.url}/o/${await reserve()}`);
    await says(page, 'What you enter goes to Stripe alone');
    await company.setOutage(true);
    await page.goto(`${shop.url}/o/${await reserve()}`);
    await says(page, 'The payment cannot be read now:');
    await company.setOutage(false);
    await page.getByRole('button', { name: 'Try again' }).click();
    await payWith(page, 'pm_card_visa');
    await status(page, 'Paid');
  });

  test('reads without a script that paying needs one', async () => {
    await using ada = await person({ javaScriptEnabled: false });
    await ada.page.goto(`${shop.url}/o/${await reserve()}`);
    await says(ada.page, 'Paying needs JavaScript');
  });

  test('opens the policy for Stripe alone, and only where there is something to pay', async () => {
    const policyOf = async (path: string) => {
      const { headers } = await fetch(shop.url + path, { headers: { Accept: 'text/html' } });
      return headers.get('content-security-policy')!;
    };
    const orderId = await reserve();
    for (const path of [`/o/${orderId}`, '/p/1']) {
      expect((await policyOf(path)).match(/https:\/\/[^ ;]+/g)).toEqual([
        'https://js.stripe.com',
        'https://*.js.stripe.com',
        'https://api.stripe.com',
        'https://js.stripe.com',
        'https://*.js.stripe.com',
        'https://hooks.stripe.com',
      ]);
    }
    expect((await shop.call('POST', `/api/v1/orders/${orderId}/cancel`, {})).status).toBe(200);
    for (const path of [`/o/${orderId}`, '/', '/orders', '/ops'])
      expect(await policyOf(path)).not.toContain('stripe');
  });

  test('leaves no other script, and no string, a way into the page', async () => {
    await using ada = await person();
    const { page } = ada;
    await page.goto(`${shop.url}/o/${await reserve()}`);
    await says(page, 'What you enter goes to Stripe alone');
    const thrown = await page.evaluate(() => {
      const attempt = (act: () => void) => {
        try {
          act();
          return 'done';
        } catch (error) {
          return (error as Error).name;
        }
      };
      const script = document.createElement('script');
      return [
        attempt(() => {
          script.src = 'https://js.stripe.com.evil.example/x.js';
        }),
        attempt(() => {
          script.text = 'alert(1)';
        }),
        attempt(() => {
          document.body.innerHTML = '<b>';
        }),
      ];
    });
    expect(thrown).toEqual(['TypeError', 'TypeError', 'TypeError']);
  });

  test('is offered no customer whom only the simulated company knows', async () => {
    await using ada = await person();
    await ada.page.goto(`${shop.url}/orders`);
    const about = await ada.page.locator('#customer-about').textContent();
    expect(about).toContain('you may take another one');
    expect(about).not.toContain('test_');
  });

  test('finds no barrier and no shift, from 320 to 1440 pixels, in the colours of either theme', async () => {
    const orderId = await reserve();
    for (const colorScheme of ['light', 'dark'] as const) {
      await using ada = await person({ colorScheme });
      const { page } = ada;
      for (const width of [320, 390, 1440]) {
        await page.setViewportSize({ width, height: 900 });
        await page.goto(`${shop.url}/o/${orderId}`);
        await says(page, 'What you enter goes to Stripe alone');
        expect([width, await layoutOf(page)]).toEqual([width, { shift: 0, overflow: 0 }]);
      }
      expect(
        await page.evaluate(() => (globalThis as never as { appearance: unknown }).appearance),
      ).toMatchObject({
        theme: colorScheme === 'light' ? 'stripe' : 'night',
        variables: { colorBackground: colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(18, 21, 28)' },
      });
      await page.emulateMedia({ colorScheme: colorScheme === 'light' ? 'dark' : 'light' });
      await until(() =>
        page.evaluate(
          (theme) => (globalThis as never as { appearance: { theme: string } }).appearance.theme === theme,
          colorScheme === 'light' ? 'night' : 'stripe',
        ),
      );
    }
    await using alan = await person({ bypassCSP: true });
    await alan.page.goto(`${shop.url}/o/${orderId}`);
    await says(alan.page, 'What you enter goes to Stripe alone');
    expect(await barriersIn(alan.page)).toEqual([]);
  });
});
