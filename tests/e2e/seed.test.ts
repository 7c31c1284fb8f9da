import { expect, test } from 'bun:test';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { distributedBackends } from '../support/backends.ts';
import { runPulsecart } from '../support/command.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ownBackends } from '../support/own-backends.ts';
import { openShop } from '../support/shop.ts';

/** `pulsecart seed`: products are put on sale once, through the server that runs or without one. */

const LAMP = { productId: 7, name: 'Lamp', priceMinor: 4_900, currency: 'EUR', units: 30 };
const SHOWN = { description: 'Four legs,\none back.', imageUrl: '/chair.png' };
const CHAIR = {
  ...LAMP,
  productId: 8,
  name: 'Chair',
  ...SHOWN,
  perCustomerLimit: 2,
  opensAt: '2099-01-01T09:00:00Z',
};

/** Servers and commands are started several times, on a machine that runs other tests beside it. */
const SEVERAL_STARTS_MS = 120_000;

test('without a server products are in the folder before the first start', async () => {
  using folder = temporaryFolder();
  const file = fileOf(folder.path, [LAMP, CHAIR]);
  const args = ['--data', join(folder.path, 'data'), '--file', file];
  expect(await seed(args)).toMatchObject({ exit: 0, result: { added: [7, 8], left: [] } });
  expect(await seed(args)).toMatchObject({ exit: 0, result: { added: [], left: [7, 8] } });
  expect(await seed(['--data', join(folder.path, 'data')])).toMatchObject({
    result: { added: [1, 2, 3, 4, 5] },
  });
});

test('through a server they are on sale at once, those that are there stay as they are, and the log says so', async () => {
  await using shop = await openShop();
  using folder = temporaryFolder();
  const file = fileOf(folder.path, [{ ...LAMP, productId: 1 }, LAMP, CHAIR]);
  expect(await seed(['--url', shop.url, '--file', file], { PULSECART_DATA: shop.folder })).toMatchObject({
    exit: 0,
    result: { added: [7, 8], left: [1] },
  });
  expect((await shop.buy('sync', { productId: 7, quantity: 2 })).json.remainingStock).toBe(28);
  expect((await shop.buy('sync', { productId: 8, quantity: 1 })).json.code).toBe('sale_not_open');
  expect((await shop.get('/api/v1/sync/stock/1')).json.stock).toBe(1000);
  expect((await shop.get('/api/v1/products/8')).json).toMatchObject(SHOWN);
  const { operations } = (await shop.get('/api/v1/ops/log')).json;
  expect(operations).toHaveLength(2);
  expect(operations[0]).toMatchObject({ action: 'product.create', reason: 'pulsecart seed' });
});

test('a server here is found by its port, and its folder is not written behind its back', async () => {
  await using shop = await openShop();
  expect(await seed([], { PORT: new URL(shop.url).port })).toMatchObject({
    exit: 0,
    result: { place: `at ${shop.url}`, added: [], left: [1, 2, 3, 4, 5] },
  });
  const { exit, stderr } = await seed(['--data', shop.folder]);
  expect({ exit, stderr }).toMatchObject({
    exit: 1,
    stderr: expect.stringContaining('is using the data folder'),
  });
});

const rows: [unknown, RegExp][] = [
  ['nothing', /must hold a JSON array of 1 to 10000 products/],
  [[], /must hold a JSON array/],
  [[LAMP, 7], /item 2: is no product/],
  [[{ ...LAMP, productId: undefined }], /item 1: productId is required/],
  [[LAMP, { ...CHAIR, priceMinor: -5 }], /item 2: priceMinor must be a whole number of minor units from 1/],
  [[{ ...LAMP, productId: 0 }], /item 1: productId must be an integer from 1 to 9007199254740991\n$/],
  [[{ ...LAMP, units: 2.5 }], /item 1: units must be a whole number from 0/],
  [[{ ...LAMP, colour: 'red' }], /item 1: colour is not a known field/],
  [[{ ...LAMP, imageUrl: 'http://example.com/a.png' }], /item 1: imageUrl must be an https/],
  [[{ ...LAMP, opensAt: '2099-02-30T09:00:00Z' }], /item 1: opensAt is not a time that exists: 2099-02-30/],
  [[LAMP, LAMP], /item 2: productId 7 stands there twice/],
  [
    [LAMP, { ...CHAIR, opensAt: '2020-01-01T09:00:00Z' }],
    /^pulsecart: Product 8: opensAt must not lie in the past/,
  ],
];
for (const [content, line] of rows) {
  test(`a file is refused with its item and field: ${line.source}`, async () => {
    using folder = temporaryFolder();
    const data = join(folder.path, 'data');
    const { exit, stderr } = await seed(['--data', data, '--file', fileOf(folder.path, content)]);
    expect({ exit, stderr }).toEqual({ exit: 2, stderr: expect.stringMatching(line) });
    // What only the ledger can judge it has judged.
    if (!line.source.includes('past')) expect(existsSync(data)).toBe(false);
  });
}

const ENDS_FIRST = {
  ...CHAIR,
  productId: 9,
  opensAt: '2099-01-02T09:00:00Z',
  closesAt: '2099-01-01T09:00:00Z',
};
const OF_LAST_YEAR = { ...LAMP, productId: 9, opensAt: '2020-01-01T09:00:00Z' };

for (const wrong of [ENDS_FIRST, OF_LAST_YEAR]) {
  const why = wrong === ENDS_FIRST ? 'closes before it opens' : 'is of the past';
  test(`P6 of a file whose last item ${why} nothing is put on sale, with a server and without one`, async () => {
    await using shop = await openShop();
    using folder = temporaryFolder();
    const data = join(folder.path, 'data');
    const operator = { PULSECART_DATA: shop.folder };
    const file = fileOf(folder.path, [LAMP, CHAIR, wrong]);
    for (const place of [
      ['--url', shop.url],
      ['--data', data],
    ]) {
      const { exit, stderr } = await seed([...place, '--file', file], operator);
      expect({ exit, stderr }).toMatchObject({
        exit: 2,
        stderr: expect.stringMatching(/^pulsecart: Product 9: .*\n$/),
      });
      const others = fileOf(folder.path, [LAMP, CHAIR]);
      expect(await seed([...place, '--file', others], operator)).toMatchObject({
        result: { added: [7, 8], left: [] },
      });
      // What is there already is left, though it could not be put there anew.
      const there = fileOf(folder.path, [{ ...wrong, productId: 7 }]);
      expect(await seed([...place, '--file', there], operator)).toMatchObject({
        exit: 0,
        result: { added: [], left: [7] },
      });
      writeFileSync(file, JSON.stringify([LAMP, CHAIR, wrong]));
    }
  });
}

test('P6 a file of products is UTF-8, with a byte order mark or without, and nothing else', async () => {
  using folder = temporaryFolder();
  const args = ['--data', join(folder.path, 'data'), '--file', join(folder.path, 'products.json')];
  const text = JSON.stringify([{ ...LAMP, name: 'Lämpchen' }]);
  for (const bytes of [Buffer.from(`\uFEFF${text}`, 'utf16le'), Buffer.from(text, 'latin1')]) {
    writeFileSync(join(folder.path, 'products.json'), bytes);
    expect(await seed(args)).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(/products\.json is not UTF-8\n$/),
    });
  }
  writeFileSync(join(folder.path, 'products.json'), `\uFEFF${text}`);
  expect(await seed(args)).toMatchObject({ exit: 0, result: { added: [7] } });
});

test.skipIf(!distributedBackends)(
  'the distributed backends are seeded with and without a server',
  async () => {
    await using own = await ownBackends();
    using folder = temporaryFolder();
    const file = fileOf(folder.path, [LAMP]);
    const env = { ...own.env, PORT: '1' };
    expect(await seed(['--file', file], env)).toMatchObject({ exit: 0, result: { added: [7] } });
    await using shop = await openDistributedShop({ backends: own.env });
    expect((await shop.buy('sync', { productId: 7, quantity: 1 })).status).toBe(200);
    expect(await seed(['--url', shop.url, '--file', file], env)).toMatchObject({
      exit: 0,
      result: { left: [7] },
    });
  },
  SEVERAL_STARTS_MS,
);

function fileOf(folder: string, content: unknown): string {
  const file = join(folder, 'products.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
}

async function seed(args: string[], env: Record<string, string> = {}) {
  const { exit, stdout, stderr } = await runPulsecart(['seed', '--json', ...args], env);
  return { exit, stderr, result: JSON.parse(stdout || '{}') };
}
