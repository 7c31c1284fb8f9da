import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { MIGRATIONS, migrate } from './store.ts';

test('a data folder of an older release gets each later migration once, and keeps what it has', () => {
  using db = new Database(':memory:');
  migrate(db);
  db.run(
    `INSERT INTO products (id, name, price_minor, currency, total, hold_seconds) VALUES (1, 'A thing', 7, 'USD', 10, 600)`,
  );
  const later = [
    ...MIGRATIONS,
    'ALTER TABLE products ADD COLUMN hue INTEGER NOT NULL DEFAULT 7',
    'UPDATE products SET hue = hue + 1',
  ];
  for (let start = 0; start < 2; start++) migrate(db, later);
  expect(db.query('SELECT name, total, hue FROM products').all()).toEqual([
    { name: 'A thing', total: 10, hue: 8 },
  ]);
  expect(db.query('PRAGMA user_version').get()).toEqual({ user_version: later.length });
});

test('a migration that breaks leaves the release before', () => {
  using db = new Database(':memory:');
  const later = [...MIGRATIONS, 'CREATE TABLE half (way INTEGER); INSERT INTO nowhere VALUES (1)'];
  expect(() => migrate(db, later)).toThrow('no such table');
  expect(db.query('PRAGMA user_version').get()).toEqual({ user_version: MIGRATIONS.length });
  expect(() => db.query('SELECT * FROM half')).toThrow('no such table');
});
