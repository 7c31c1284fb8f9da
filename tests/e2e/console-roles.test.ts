import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { FAILING, failRows } from '../support/failing-row.ts';
import { temporaryFolder } from '../support/folder.ts';
import { barriersIn, layoutOf, openTestBrowser, type Person, type TestBrowser } from '../support/pages.ts';
import { type EmbeddedShop, eventually, openShop } from '../support/shop.ts';

/** The console as operators of each role find it, in a real browser in front of a real server. */

const TOKENS = {
  vera: 'token-of-vera-for-tests',
  otto: 'token-of-otto-for-tests',
  ada: 'token-of-ada-for-tests',
};
const browser = await openTestBrowser();
const folder = temporaryFolder();
let shop: EmbeddedShop;
/** A purchase that nobody could decide. */
let poisoned: string;

beforeAll(async () => {
  const path = join(folder.path, 'operators.json');
  const roles = { vera: 'viewer', otto: 'operator', ada: 'admin' } as const;
  const entries = Object.entries(roles).map(([name, role]) => ({
    name,
    role,
    token: TOKENS[name as 'vera'],
  }));
  writeFileSync(path, JSON.stringify(entries));
  shop = await openShop({
    PULSECART_OPERATORS_FILE: path,
    PULSECART_OPERATOR_TOKEN: 'an-operator-token-for-tests',
    PULSECART_PAYMENTS: 'off',
    PULSECART_LIMITS: 'on',
    PULSECART_LIMIT_SIGN_IN_ADDRESS: '1/h burst 2',
    PULSECART_TRUSTED_PROXIES: '127.0.0.0/8',
  });
  await shop.buy('sync', { productId: 1, quantity: 1, userId: 'ada' });
  await failRows(shop);
  poisoned = (await shop.buy('async', { productId: 2, quantity: 1, userId: FAILING })).json.trackingId;
});
afterAll(async () => {
  await Promise.all([shop[Symbol.asyncDispose](), browser?.[Symbol.asyncDispose]()]);
  folder[Symbol.dispose]();
});

/** Of the buttons that are shown, which are grey. */
async function buttons(page: Page, section: string, last: string): Promise<Record<string, boolean>> {
  await page.goto(`${shop.url}/ops#${section}`);
  const shown = page.locator('.section').getByRole('button');
  await shown.filter({ hasText: last }).waitFor();
  const found = await shown.evaluateAll((all) =>
    all.map((one) => [one.textContent!.replace(/\W+$/, ''), one.ariaDisabled === 'true'] as const),
  );
  return Object.fromEntries(found);
}

/** Does what the open dialog asks about. */
async function act(page: Page, button: string): Promise<void> {
  await page.getByLabel('Reason, for the log').fill('a test');
  await page.getByRole('dialog').getByRole('button', { name: button }).click();
}

const asVera = { Authorization: `Bearer ${TOKENS.vera}` };
const lastAction = async () => (await shop.get('/api/v1/ops/log?limit=1', asVera)).json.operations[0];

describe.skipIf(browser === null)('an operator with a browser', () => {
  const { person } = browser as TestBrowser;

  async function signedIn(
    name: keyof typeof TOKENS,
    viewport = { width: 1280, height: 900 },
  ): Promise<Person> {
    const somebody = await person({ viewport, bypassCSP: true });
    await somebody.page.goto(`${shop.url}/ops#token=${TOKENS[name]}`);
    await somebody.page.locator('.equation b').first().waitFor();
    return somebody;
  }

  test.each([
    ['vera', 'Viewer', true, true],
    ['otto', 'Operator', false, true],
    ['ada', 'Admin', false, false],
  ] as const)('%s is shown as %s, and what that may not do is grey', async (name, role, acts, undoes) => {
    await using somebody = await signedIn(name);
    const { page } = somebody;
    expect(await page.locator('.who').innerText()).toContain(`${name}${role}`);
    expect(await buttons(page, 'products', 'New product')).toEqual({ 'New product': acts });
    expect(await buttons(page, 'products/1', 'Reset')).toEqual({
      ...{ Change: acts, 'Add units': acts, Pause: acts, 'Close now': acts },
      Reset: undoes,
    });
    expect(await buttons(page, 'orders', 'Cancel')).toMatchObject({ 'Cancel order no. 1': acts });
    expect(await barriersIn(page)).toEqual([]);
    expect(somebody.complaints).toEqual([]);
  });

  test('a grey button says which role it needs, and does nothing', async () => {
    await using vera = await signedIn('vera', { width: 390, height: 844 });
    const { page } = vera;
    await page.getByText('You are a viewer').waitFor();
    await page.goto(`${shop.url}/ops#products/1`);
    const pause = page.getByRole('button', { name: 'Pause' });
    await pause.click({ force: true });
    expect(await pause.getAttribute('title')).toBe('This needs the role operator.');
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(await layoutOf(page)).toMatchObject({ overflow: 0 });
  });

  test('cancels an order that is not paid, and its units are free again', async () => {
    const { json } = await shop.buy('sync', { productId: 3, quantity: 2, userId: 'ada' });
    const units = async () => (await shop.get('/api/v1/products/3')).json;
    expect(await units()).toMatchObject({ reserved: 2, available: 98 });
    await using otto = await signedIn('otto');
    const { page } = otto;
    await page.goto(`${shop.url}/ops#orders?id=${json.orderId}`);
    await page.getByRole('button', { name: 'Cancel order no. 1' }).click();
    const dialog = page.getByRole('dialog', { name: 'Cancel order no. 1' });
    // Nothing is done without a reason, and nothing by the button that closes the dialog.
    await dialog.getByRole('button', { name: 'Cancel order' }).click();
    await dialog.getByRole('button', { name: 'Cancel', exact: true }).click();
    await dialog.waitFor({ state: 'hidden' });
    expect(await units()).toMatchObject({ reserved: 2 });

    await page.getByRole('button', { name: 'Cancel order no. 1' }).click();
    await act(page, 'Cancel order');
    await page.locator('.said').getByText('Order no. 1: cancelled.').waitFor();
    await page.locator('tbody td').getByText('Cancelled').waitFor();
    expect(await page.getByRole('button', { name: 'Cancel order' }).count()).toBe(0);
    await eventually(async () => (await units()).available === 100);
    expect(await lastAction()).toMatchObject({
      actor: 'otto',
      action: 'order.cancel',
      subject: `order/${json.orderId}`,
      reason: 'a test',
    });
    expect(otto.complaints).toEqual([]);
  });

  test('an admin alone discards a dead letter, and its buyer hears that the purchase got nothing', async () => {
    const letters = async () => (await shop.get('/api/v1/ops/dead-letters', asVera)).json.groups;
    await eventually(async () => (await letters()).length === 1);
    await using otto = await signedIn('otto');
    await otto.page.goto(`${shop.url}/ops#dead-letters`);
    const grey = otto.page.getByRole('button', { name: 'Discard' });
    expect(await grey.getAttribute('title')).toBe('This needs the role admin.');
    await using ada = await signedIn('ada');
    const { page } = ada;
    await page.goto(`${shop.url}/ops#dead-letters`);
    await page.getByRole('button', { name: 'Discard' }).click();
    await page
      .getByRole('dialog', { name: 'Discard 1 letter' })
      .getByText('gets nothing, for good')
      .waitFor();
    await act(page, 'Discard');
    await page.locator('.said').getByText('Discarded: 1 letter, 1 item.').waitFor();
    await page.getByText('There are no dead letters.').waitFor();
    expect(await letters()).toEqual([]);
    expect((await shop.get(`/api/v1/async/purchase/${poisoned}`)).json.status).toBe('failed');
    expect(await lastAction()).toMatchObject({
      actor: 'ada',
      action: 'dead-letters.discard',
      reason: 'a test',
    });
    expect(ada.complaints).toEqual([]);
  });

  test('who has a token of their own acts under its name, whatever they type', async () => {
    await using somebody = await person();
    const { page } = somebody;
    await page.goto(`${shop.url}/ops`);
    await page.getByLabel('Operator token').fill(TOKENS.otto);
    await page.getByLabel('Your name').fill('somebody else');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('.equation b').first().waitFor();
    await page.goto(`${shop.url}/ops#products/2`);
    await page.getByRole('button', { name: 'Pause' }).click();
    await act(page, 'Pause');
    await page.locator('.said p').waitFor();
    expect(await lastAction()).toMatchObject({ actor: 'otto', action: 'sale.pause' });
  });

  test('too many wrong tokens are said to be that, and the right one signs in', async () => {
    await using somebody = await person({ extraHTTPHeaders: { 'X-Forwarded-For': '198.51.100.7' } });
    const { page } = somebody;
    await page.goto(`${shop.url}/ops`);
    const signIn = async (token: string) => {
      await page.getByLabel('Operator token').fill(token);
      await page.getByRole('button', { name: 'Sign in' }).click();
    };
    for (let i = 0; i < 2; i++) {
      await signIn('wrong');
      await page.getByText('No operator of this server has this token.').waitFor();
    }
    await signIn('wrong');
    await page.getByText(/Too many wrong tokens came from your address.*in 3\d\d\d s/).waitFor();
    await signIn(TOKENS.vera);
    await page.locator('.who').getByText('vera').waitFor();
  });
});
