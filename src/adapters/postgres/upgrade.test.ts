import { expect, test } from 'bun:test';
import { onDistributedBackends, ownDatabase } from '../../../tests/support/backends.ts';
import { openLedger, sql } from '../../../tests/support/postgres-ledger.ts';
import { connect, placeOf } from './connection.ts';
import { MIGRATIONS, migrate, requireSchema } from './migrate.ts';

const LATER = [
  ...MIGRATIONS,
  'ALTER TABLE products ADD COLUMN hue integer NOT NULL DEFAULT 7',
  'UPDATE products SET hue = hue + 1',
];

onDistributedBackends(() => {
  test('a database of an older release gets each later migration once, whoever start together, and keeps what it has', async () => {
    const { url, close } = await ownDatabase();
    const { ledger } = await openLedger(url);
    await ledger.addProducts([{ id: 1, name: 'A thing', priceMinor: 7, currency: 'USD', units: 10 }]);
    const place = placeOf(url);
    const clients = await Promise.all([1, 2, 3].map(() => connect(place, 10_000)));
    // Books of an older release are read by that one alone, until a server has started.
    await expect(requireSchema(clients[0]!, 'here', LATER)).rejects.toThrow(
      `has schema ${MIGRATIONS.length}, older than`,
    );
    await Promise.all(clients.map((client) => migrate(client, place, LATER)));
    await requireSchema(clients[0]!, 'here', LATER);
    await Promise.all(clients.map((client) => client.end()));
    expect(await sql(url, 'SELECT name, total::int, hue FROM products')).toEqual([
      { name: 'A thing', total: 10, hue: 8 },
    ]);
    // A process of the release before goes on.
    expect(await ledger.product(1)).toMatchObject({ name: 'A thing', total: 10 });
    await ledger.close();
    // One that starts now is told.
    await expect(openLedger(url)).rejects.toMatchObject({
      code: 'unusable_store',
      message: expect.stringContaining(
        `has schema ${LATER.length}; this PulseCart knows schemas up to ${MIGRATIONS.length}`,
      ),
    });
    await close();
  });
});
