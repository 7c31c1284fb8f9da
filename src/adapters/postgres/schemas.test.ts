import { describe, expect, test } from 'bun:test';
import { distributedBackends, onDistributedBackends, ownDatabase } from '../../../tests/support/backends.ts';
import { havePgbouncer, startPgbouncer } from '../../../tests/support/pgbouncer.ts';
import { openLedger, sql } from '../../../tests/support/postgres-ledger.ts';
import { audit } from '../../app/ops/audit.ts';
import { AppError } from '../../domain/errors.ts';
import { inSchema, schemaIn, withoutSchema } from '../../lib/database-url.ts';
import { openPostgresBooks } from './books.ts';
import { openLedgerWipe } from './wipe.ts';

const TIMEOUT_MS = 60_000;

const thing = (units: number) => ({ id: 1, name: 'Thing', priceMinor: 100, currency: 'EUR', units });

async function refusalOf(opening: Promise<unknown>): Promise<string> {
  const error = await opening.then(
    () => 'it was opened',
    (error) => error,
  );
  if (!(error instanceof AppError)) throw error;
  return `${error.code}: ${error.message}`;
}

onDistributedBackends(() => {
  test(
    'N9 shops in one database have a schema each, named by their namespace, and share nothing',
    async () => {
      const { url, close } = await ownDatabase();
      const urls = ['pulsecart', 'shop-2'].map((name) => inSchema(url, name)) as [string, string];
      const shops = await Promise.all(urls.map((shop) => openLedger(shop)));
      const [one, other] = shops.map(({ ledger }) => ledger);
      await one!.addProducts([thing(5)]);
      expect(await other!.products()).toEqual([]);
      await other!.addProducts([thing(7)]);
      await other!.reset(1, 3);
      expect((await one!.product(1))!.total).toBe(5);
      await Promise.all([one!.close(), other!.close()]);
      for (const [i, shop] of urls.entries()) {
        const opened = await openPostgresBooks(shop);
        const books = await opened.read();
        await opened.close();
        expect(books.products.map(({ total }) => total)).toEqual([[5, 3][i]!]);
        expect(audit(books).filter(({ pass }) => !pass)).toEqual([]);
      }
      const wipe = await openLedgerWipe(urls[0]);
      await wipe.wipe();
      await wipe.close();
      const again = await openLedger(urls[1]);
      expect((await again.ledger.product(1))!.total).toBe(3);
      await again.ledger.close();
      expect(await sql(url, `SELECT FROM pg_tables WHERE schemaname = 'public'`)).toEqual([]);
      await close();
    },
    TIMEOUT_MS,
  );

  test('N9 tables of before there were schemas are not passed over, and the line that says so moves them', async () => {
    const { url, close } = await ownDatabase();
    const before = await openLedger(url);
    await before.ledger.addProducts([thing(5)]);
    await before.ledger.close();
    const shop = inSchema(url, 'shop-2');
    const says = await refusalOf(openLedger(shop));
    expect(says).toMatch(/^unusable_store: .* tables of an earlier PulseCart in the schema public/);
    await sql(url, /Stop all processes, then: (.*)$/.exec(says)![1]!);
    const { ledger } = await openLedger(shop);
    expect((await ledger.product(1))!.total).toBe(5);
    await ledger.close();
    await close();
  });
});

const isThere = distributedBackends && (await havePgbouncer());
describe.skipIf(!isThere)('with pgbouncer installed', () => {
  test(
    'N9 a pooler that leads to the schema is fine, and one that does not is said to',
    async () => {
      const { url, close } = await ownDatabase();
      await using right = await startPgbouncer(url, [`connect_query='SET search_path TO "shop-2"'`]);
      const { ledger } = await openLedger(inSchema(right.url, 'shop-2'));
      await ledger.addProducts([thing(5)]);
      await ledger.close();
      await using wrong = await startPgbouncer(url, []);
      expect(await refusalOf(openLedger(inSchema(wrong.url, 'shop-2')))).toMatch(
        /^unusable_store: .* through a pooler .* SET search_path TO "shop-2" \(pgbouncer: connect_query\)/,
      );
      await using strict = await startPgbouncer(url);
      expect(await refusalOf(openLedger(inSchema(strict.url, 'shop-2')))).toMatch(
        /^unusable_store: .* ignore_startup_parameters = options/,
      );
      const direct = await openLedger(inSchema(url, 'shop-2'));
      expect((await direct.ledger.product(1))!.total).toBe(5);
      await direct.ledger.close();
      expect(await sql(url, `SELECT FROM pg_tables WHERE schemaname = 'public'`)).toEqual([]);
      await close();
    },
    TIMEOUT_MS,
  );
});

describe('a URL with a schema', () => {
  test.each([
    'postgres://shop:secret@db.example/shop',
    'postgresql://db.example:5433/shop?sslmode=verify-full',
    'postgres://db.example/shop?options=-c%20geqo%3Doff&sslmode=require',
  ])('%s says which, keeps what it had, and is taken back for people', (url) => {
    const there = inSchema(url, 'shop-2');
    expect([schemaIn(url), schemaIn(there)]).toEqual([null, 'shop-2']);
    expect(withoutSchema(there)).toBe(url);
    expect(withoutSchema(url)).toBe(url);
    const before = new URL(url).searchParams.get('options');
    const options = new URL(there).searchParams.getAll('options').at(-1);
    expect(options).toBe([before, '-c search_path="shop-2"'].filter(Boolean).join(' '));
    expect(schemaIn(inSchema(there, 'shop-3'))).toBe('shop-3');
  });
});
