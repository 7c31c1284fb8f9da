import { expect, test } from 'bun:test';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Glob } from 'bun';
import { ROOT, runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { openShop } from '../support/shop.ts';

/** The k6 scripts, by the stand-in of tests/support/k6: k6 itself is under the AGPL and not installed here. */

const TOKEN = 'only-for-those-who-may';
/** Fewer than the buyers who come on the busiest machine. */
const UNITS = 500;
/** Both scenarios of the sync script at SCALE=0.05. */
const SYNC_MS = 30_000;
/** The runs take half a minute, and stragglers have as long again. */
const TEST_TIMEOUT_MS = 150_000;

test.concurrent(
  'both scripts pass all their thresholds, and their outcomes add up',
  async () => {
    await using shop = await openShop({ PULSECART_OPERATOR_TOKEN: TOKEN });
    using folder = temporaryFolder();
    // A fifth of the users: two cores have other tests to run.
    const shortened = { SCALE: '0.05', USERS: '0.2' };
    const settings = { BASE_URL: shop.url, OPERATOR_TOKEN: TOKEN, STOCK: `${UNITS}`, ...shortened };
    const summaryFile = (way: string) => join(folder.path, `${way}.json`);
    const [sync, async] = await Promise.all([
      k6('sync', { ...settings, PRODUCT: '1', SUMMARY: summaryFile('sync') }),
      k6('async', { ...settings, PRODUCT: '5', SUMMARY: summaryFile('async'), FOLLOW: '50' }),
    ]);
    for (const { exit, stdout, stderr } of [sync, async])
      expect({ exit, failed: stdout.match(/^ *FAIL .*$/gm), stderr }).toEqual({
        exit: 0,
        failed: null,
        stderr: expect.stringMatching(/^ran [\d.]+ s, \d+ complete and 0 interrupted iterations\n$/),
      });

    const sold = read(summaryFile('sync'));
    expect(outcomes(sold, 'sync_')).toBe(sold.metrics['http_reqs{name:purchase}'].values.count);
    expect(outcomes(sold, 'sync_')).toBe(sold.metrics.iterations.values.count);
    expect(sold.metrics.sync_bought.values.count).toBe(UNITS);
    expect(sold.metrics.stock_left.values.value).toBe(0);
    expect(sold.metrics.vus_max.values.max).toBeWithin(180, 211);
    expect(sold.state.testRunDurationMs).toBeGreaterThan(SYNC_MS);

    const taken = read(summaryFile('async'));
    const accepted = taken.metrics.async_accepted.values.count;
    expect(outcomes(taken, 'async_')).toBe(taken.metrics.iterations.values.count);
    expect(taken.metrics.vus_max.values.max).toBeWithin(360, 421);
    // In each scenario the first one and then every fiftieth.
    expect(outcomes(taken, 'followed_')).toBeWithin(Math.floor(accepted / 50), Math.floor(accepted / 50) + 3);
    expect(taken.metrics.time_to_outcome.values.count).toBe(outcomes(taken, 'followed_'));

    for (const summary of [sold, taken]) expectK6Shape(summary);
    const { breaches, product } = await shop.readBooks();
    const given = [product(1), product(5)].map(({ reserved, sold }) => reserved + sold);
    expect({ breaches, given }).toEqual({ breaches: [], given: [UNITS, UNITS] });
  },
  TEST_TIMEOUT_MS,
);

test.concurrent('wrong answers, negative stock, a server that goes away and one that is not there fail a run', async () => {
  using folder = temporaryFolder();
  const short = { SCALE: '0.01', USERS: '0.05', SUMMARY: join(folder.path, 'summary.json') };
  await using wrong = serve(() => Response.json({ success: true, orderId: null, remainingStock: 1 }));
  await using negative = serve(() =>
    Response.json({ ...SOLD, remainingStock: -1, orderId: crypto.randomUUID() }),
  );
  let answers = 0;
  await using leaving = serve((server) => {
    if (++answers > 20) void server.stop(true);
    return Response.json({ ...SOLD, orderId: crypto.randomUUID() });
  });
  await using deaf = serve(() => Response.json({ accepted: false, code: 'overloaded' }, { status: 503 }));
  const [toWrong, toNegative, toLeaving, toDeaf, toNone] = await Promise.all([
    k6('sync', { ...short, BASE_URL: wrong.url }),
    k6('sync', { ...short, BASE_URL: negative.url, SUMMARY: join(folder.path, 'negative.json') }),
    k6('sync', { ...short, BASE_URL: leaving.url, SUMMARY: join(folder.path, 'leaving.json') }),
    k6('async', { ...short, BASE_URL: deaf.url, SUMMARY: join(folder.path, 'deaf.json') }),
    k6('async', { ...short, BASE_URL: 'http://127.0.0.1:9', SUMMARY: join(folder.path, 'none.json') }),
  ]);
  expect([toWrong, toNegative, toLeaving, toDeaf].map(({ exit }) => exit)).toEqual([99, 99, 99, 99]);
  expect(crossed(toWrong)).toEqual(['valid_answers']);
  expect(toWrong.stdout).toMatch(/^ {2}FAIL {2}valid_answers rate>0.95 +was 0$/m);
  expect(crossed(toNegative)).toEqual(['negative_stock', 'valid_answers']);
  expect(crossed(toLeaving)).toEqual([
    'checks{phase:end}',
    'http_req_failed{name:purchase}',
    'valid_answers',
  ]);
  expect(toLeaving.stderr).toContain('end check: not so: stock is not negative (nothing answers at ');
  expect(crossed(toDeaf)).toEqual(['accepted', 'http_req_failed{name:purchase}']);
  expect(toNone).toMatchObject({
    exit: 107,
    stdout: '',
    stderr: expect.stringContaining('product 1 could not be read: nothing answers at http://127.0.0.1:9 ('),
  });
});

test.concurrent('a summary that cannot be written is named, and a sample says how it was made', async () => {
  using folder = temporaryFolder();
  await using server = serve(() => Response.json({ ...SOLD, orderId: crypto.randomUUID() }));
  mkdirSync(join(folder.path, 'taken'));
  const sample = join(folder.path, 'sample.json');
  const settings = {
    BASE_URL: server.url,
    SCALE: '0.01',
    USERS: '0.05',
    SUMMARY: join(folder.path, 'taken'),
  };
  const { exit, stderr } = await k6('sync', settings, '--sample', sample);
  expect({ exit, stderr }).toEqual({
    exit: 1,
    stderr: expect.stringContaining(`could not save '${settings.SUMMARY}'`),
  });
  expect(read(sample)).toMatchObject({
    made_by: {
      what: expect.stringContaining('a stand-in for k6'),
      command: expect.stringMatching(/-e SCALE=0.01 -e USERS=0.05 .*tests\/load-test-sync.js$/),
      commit: expect.any(String),
    },
    metrics: { sync_bought: { type: 'counter' } },
  });
});

test('a sale that cannot be loaded is named before the load', async () => {
  await using shop = await openShop({ PULSECART_OPERATOR_TOKEN: TOKEN });
  const [token, product] = await Promise.all([
    k6('sync', { BASE_URL: shop.url, OPERATOR_TOKEN: 'one-that-nobody-gave' }),
    k6('sync', { BASE_URL: shop.url, PRODUCT: '99' }),
  ]);
  expect(token).toMatchObject({
    exit: 107,
    stderr: expect.stringMatching(/the stock could not be reset: .* 401/),
  });
  expect(product).toMatchObject({
    exit: 107,
    stderr: expect.stringMatching(/product 99 could not be read: .* 404/),
  });
});

test.each([
  [{ SCALE: 'fast' }, 'SCALE must be a number from 0.01 to 10, not "fast"'],
  [{ SCALE: '0' }, 'SCALE must be a number from 0.01 to 10, not "0"'],
  [
    { BASE_URL: 'localhost:8080' },
    'BASE_URL must be an address like http://localhost:8080, not "localhost:8080"',
  ],
  [{ PRODUCT: '1.5' }, 'PRODUCT must be a whole number from 1 to 9007199254740991, not "1.5"'],
  [{ STOCK: '5' }, 'STOCK needs OPERATOR_TOKEN, because only an operator may reset the stock'],
])('%o is refused before the first request', async (settings: Record<string, string>, message) => {
  expect(await k6('sync', settings)).toEqual({ exit: 107, stdout: '', stderr: `ERRO Error: ${message}\n` });
});

test('the scripts import what k6 has, and no file from the network', () => {
  const files = ['tests/load-test-*.js', 'tests/k6/*.js'].flatMap((pattern) => [
    ...new Glob(pattern).scanSync(ROOT),
  ]);
  expect(files.length).toBeGreaterThan(5);
  for (const file of files) {
    const imported = [...readFileSync(join(ROOT, file), 'utf8').matchAll(/^import .* from '(.+)';$/gm)];
    const strange = imported
      .map(([, name]) => name!)
      .filter((name) => !/^(k6(\/[\w/]+)?|\.\/.*\.js)$/.test(name));
    expect({ file, strange }).toEqual({ file, strange: [] });
  }
});

const SOLD = { success: true, productId: 1, quantity: 1, remainingStock: 5 };

/** A server with a product on sale, whose purchases are answered by `answer`. */
function serve(answer: (server: Bun.Server<undefined>) => Response) {
  const product = { total: 10, available: 10, reserved: 0, sold: 0, state: 'open' };
  const server: Bun.Server<undefined> = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: {
      '/api/v1/products/1': () => Response.json(product),
      '/api/v1/async/queue/status': () => Response.json({ purchases: { waiting: 0 } }),
      '/api/v1/:way/purchase': () => answer(server),
    },
    fetch: () => Response.json({ message: 'There is nothing here' }, { status: 404 }),
  });
  return { url: server.url.origin, [Symbol.asyncDispose]: () => server.stop(true) };
}

function k6(way: 'sync' | 'async', settings: Record<string, string>, ...options: string[]) {
  const variables = Object.entries(settings).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const standIn = join(ROOT, 'tests', 'support', 'k6', 'run.ts');
  return runToEnd(
    [
      process.execPath,
      '--no-env-file',
      standIn,
      ...variables,
      ...options,
      join(ROOT, 'tests', `load-test-${way}.js`),
    ],
    { timeoutMs: TEST_TIMEOUT_MS },
  );
}

/** The metrics whose thresholds were crossed, as the last line names them. */
function crossed({ stderr }: { readonly stderr: string }): string[] {
  const [, list = ''] = /thresholds on metrics '(.*)' have been crossed/.exec(stderr) ?? [];
  return list.split(', ').toSorted();
}

// biome-ignore lint/suspicious/noExplicitAny: a summary as k6 documents it, whose every field is looked at
function read(file: string): any {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** The sum of the counters whose names begin so. */
function outcomes({ metrics }: { readonly metrics: Record<string, Shown> }, prefix: string): number {
  return Object.entries(metrics)
    .filter(([name]) => name.startsWith(prefix))
    .reduce((sum, [, { values }]) => sum + values.count!, 0);
}

interface Shown {
  readonly type: string;
  readonly contains: string;
  readonly values: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

/** As k6's documentation shows it ("Custom summary", summary data reference). */
function expectK6Shape(summary: { readonly metrics: Record<string, Shown> }): void {
  const trend = ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'count'];
  const shapes: Record<string, string[]> = {
    counter: ['count', 'rate'],
    gauge: ['value', 'min', 'max'],
    rate: ['rate', 'passes', 'fails'],
    trend,
  };
  expect(summary).toMatchObject({
    root_group: { name: '', path: '', groups: [], checks: expect.any(Array) },
    options: { summaryTrendStats: trend, summaryTimeUnit: '', noColor: false },
    state: { isStdOutTTY: false, isStdErrTTY: false, testRunDurationMs: expect.any(Number) },
    setup_data: { stock: UNITS },
  });
  const names = [
    'http_reqs',
    'http_req_duration',
    'http_req_failed',
    'iterations',
    'vus',
    'vus_max',
    'checks',
  ];
  expect(Object.keys(summary.metrics)).toEqual(
    expect.arrayContaining([...names, 'data_sent', 'data_received']),
  );
  for (const { type, values, thresholds } of Object.values(summary.metrics)) {
    expect(Object.keys(values)).toEqual(shapes[type]!);
    expect(Object.values(thresholds ?? {}).filter(({ ok }) => !ok)).toEqual([]);
  }
}
