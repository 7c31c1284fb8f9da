import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type EmbeddedShop, openShop } from '../support/shop.ts';

/** Every rule of what operators send about products: the answer names the field, and nothing is changed or written down. */

let shop: EmbeddedShop;
let before: unknown;
beforeAll(async () => {
  shop = await openShop();
  before = await state();
});
afterAll(async () => {
  const after = await state();
  await shop[Symbol.asyncDispose]();
  expect(after).toEqual(before);
});

async function state(): Promise<unknown> {
  const { products } = (await shop.get('/api/v1/products')).json;
  return { products, log: (await shop.get('/api/v1/ops/log')).json.operations };
}

const thing = { name: 'Thing', priceMinor: 100, currency: 'EUR', units: 5, reason: 'why' };
const PAST = '2001-01-01T00:00:00Z';
const FUTURE = '2099-01-01T00:00:00Z';
const LATER = '2099-01-02T00:00:00Z';

/** Values that a field does not take, wherever it is sent. */
const FIELDS: Readonly<Record<string, readonly unknown[]>> = {
  productId: [0, -1, 1.5, 2 ** 53, '1', null],
  name: ['', 'x'.repeat(201), 'a\nb', 'a\u0000b', '\ud83d', 7, null],
  description: ['', ' \n', 'x'.repeat(2001), 'a\u0000b', 'a\u001bb', '\ud83d', 7],
  imageUrl: [
    '',
    'a.png',
    '//example.com/a.png',
    '/\\example.com/a.png',
    'http://example.com/a.png',
    'http://localhost.example.com/a.png',
    'https://',
    'https:///a.png',
    'https://user:secret@example.com/a.png',
    'https://example.com/a b.png',
    'https://example.com/"onload=',
    'https://example.com/\u{fc}.png',
    'javascript:alert(1)',
    'data:image/png;base64,AA==',
    '/a\nb.png',
    `/${'x'.repeat(2000)}`,
    7,
  ],
  priceMinor: [0, -1, 1.5, 9_000_000_001, '100', null],
  currency: ['', 'eur', 'EURO', 'E1R', 'ZZZ', 'DEM', 'XAU', 'XXX', 'xts', 'EUR ', 978, null],
  units: [-1, 1.5, 2 ** 31, '5', null],
  opensAt: [
    'tomorrow',
    '2099-01-01',
    '2099-01-01T00:00:00',
    '2099-02-30T00:00:00Z',
    '2099-13-01T00:00:00Z',
    '',
    7,
  ],
  closesAt: [
    '2099-01-01T24:00:00Z',
    '9999-12-31T23:59:59-01:00',
    '2099-01-01T00:60:00Z',
    '2099-00-01T00:00:00Z',
    '2099-01-00T00:00:00Z',
    true,
  ],
  perCustomerLimit: [0, -1, 1.5, 2 ** 31, '2'],
  customerRequired: ['true', 1, null],
  holdSeconds: [0, -1, 1.5, 86_401, '600', null],
  reason: ['', ' ', 'a\nb', 'x'.repeat(501), 7, null],
  closeAt: [FUTURE],
};

async function expectRefused(
  method: string,
  path: string,
  body: unknown,
  [status, code, field]: readonly [number, string, string],
): Promise<void> {
  const answer = await shop.call(method, path, { body });
  expect([answer.status, answer.text]).toEqual([status, answer.text]);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect([answer.json.code, answer.json.field]).toEqual([code, field]);
  if (field !== 'body' && status !== 404) expect(answer.json.message).toContain(field);
}

describe('a new product', () => {
  for (const [field, values] of Object.entries(FIELDS)) {
    test(`is refused for its ${field}`, async () => {
      for (const value of values) {
        const body = { ...thing, [field]: value };
        await expectRefused('POST', '/api/v1/products', body, [400, 'invalid_request', field]);
      }
    });
  }

  test('is refused without what it needs', async () => {
    for (const field of Object.keys(thing)) {
      const body = Object.fromEntries(Object.entries(thing).filter(([name]) => name !== field));
      await expectRefused('POST', '/api/v1/products', body, [400, 'invalid_request', field]);
    }
    for (const body of ['', '[]', 'null', '{', '"x"']) {
      await expectRefused('POST', '/api/v1/products', body, [400, 'invalid_request', 'body']);
    }
  });

  test('is refused for times that cannot be', async () => {
    const rows = [
      [{ opensAt: PAST }, 'schedule_in_the_past', 'opensAt'],
      [{ closesAt: PAST }, 'schedule_in_the_past', 'closesAt'],
      [{ opensAt: LATER, closesAt: FUTURE }, 'closes_before_opens', 'closesAt'],
      [{ opensAt: FUTURE, closesAt: FUTURE }, 'closes_before_opens', 'closesAt'],
    ] as const;
    for (const [times, code, field] of rows) {
      await expectRefused('POST', '/api/v1/products', { ...thing, ...times }, [400, code, field]);
    }
  });
});

describe('a change', () => {
  for (const [field, values] of Object.entries(FIELDS)) {
    test(`is refused for its ${field}`, async () => {
      for (const value of values) {
        const body = { reason: 'why', holdSeconds: 5, [field]: value };
        await expectRefused('PATCH', '/api/v1/products/1', body, [400, 'invalid_request', field]);
      }
    });
  }

  test('is refused when it names nothing, or gives no reason', async () => {
    await expectRefused('PATCH', '/api/v1/products/1', { reason: 'why' }, [400, 'invalid_request', 'body']);
    await expectRefused('PATCH', '/api/v1/products/1', { holdSeconds: 5, name: 'x' }, [
      400,
      'invalid_request',
      'reason',
    ]);
  });

  test('is refused for a version that is none', async () => {
    for (const version of ['12', 'x', '"1', '"1" "2"', 'w/"1"', '*, "1"']) {
      const answer = await shop.call('PATCH', '/api/v1/products/1', {
        body: { holdSeconds: 5, reason: 'why' },
        headers: { 'If-Match': version },
      });
      expect([answer.status, answer.json.field]).toEqual([400, 'If-Match']);
    }
  });

  test('of a product that is not there is 404', async () => {
    for (const id of ['99', '0', 'x', '1e3', '9007199254740993']) {
      const unknown = [404, 'unknown_product', 'productId'] as const;
      await expectRefused('PATCH', `/api/v1/products/${id}`, { holdSeconds: 5, reason: 'why' }, unknown);
      await expectRefused('POST', `/api/v1/products/${id}/units`, { delta: 5, reason: 'why' }, unknown);
      for (const action of ['pause', 'resume', 'drain']) {
        await expectRefused('POST', `/api/v1/products/${id}/${action}`, { reason: 'why' }, unknown);
      }
    }
  });
});

describe('a call without a change to name', () => {
  test('is refused for units that are no number, or more than a product has', async () => {
    for (const delta of [1.5, '5', null, 2 ** 31, -(2 ** 31)]) {
      await expectRefused('POST', '/api/v1/products/1/units', { delta, reason: 'why' }, [
        400,
        'invalid_request',
        'delta',
      ]);
    }
    const tooMany = { delta: 2 ** 31 - 1, reason: 'why' };
    await expectRefused('POST', '/api/v1/products/1/units', tooMany, [409, 'units_too_many', 'delta']);
    const tooFew = { delta: -1_001, reason: 'why' };
    await expectRefused('POST', '/api/v1/products/1/units', tooFew, [409, 'units_below_committed', 'delta']);
  });

  test('is refused without a reason', async () => {
    for (const action of ['pause', 'resume', 'drain']) {
      await expectRefused('POST', `/api/v1/products/1/${action}`, {}, [400, 'invalid_request', 'reason']);
    }
  });
});

test('a page of products is refused for its size and its cursor', async () => {
  for (const limit of ['0', '1001', '-1', '1.5', 'x', '']) {
    await expectRefused('GET', `/api/v1/products?limit=${limit}`, undefined, [
      400,
      'invalid_request',
      'limit',
    ]);
  }
  for (const after of ['-1', 'x', '1.5', '9007199254740993', '']) {
    await expectRefused('GET', `/api/v1/products?after=${after}`, undefined, [
      400,
      'invalid_request',
      'after',
    ]);
  }
});

describe('B15 a message says what can be done in that call', () => {
  const rows: readonly (readonly [method: string, path: string, body: unknown, message: string])[] = [
    ['PATCH', '', { units: 5, reason: 'why' }, 'units is not a known field'],
    ['PATCH', '', { productId: 2, name: 'x', reason: 'why' }, 'productId is not a known field'],
    ['POST', '/units', { delta: 1, priceMinor: 5, reason: 'why' }, 'priceMinor is not a known field'],
    ['PATCH', '', [], 'The body must be a JSON object with what to change, and a reason'],
    ['POST', '/units', [], 'The body must be a JSON object with delta and a reason'],
    ['POST', '/pause', 7, 'The body must be a JSON object with a reason'],
    ['POST', '/resume', null, 'The body must be a JSON object with a reason'],
  ];
  for (const [method, path, body, message] of rows) {
    test(`${method} ${path} with ${JSON.stringify(body)}: ${message}`, async () => {
      const answer = await shop.call(method, `/api/v1/products/1${path}`, { body: JSON.stringify(body) });
      expect([answer.status, answer.json.message]).toEqual([400, message]);
    });
  }
});
