import { describe, expect, test } from 'bun:test';
import { onDistributedBackends, ownDatabase } from '../../../tests/support/backends.ts';
import { sql } from '../../../tests/support/postgres-ledger.ts';
import { idArray, isUuid, numberArray, textArray } from './arrays.ts';

const TEXTS = [
  'plain',
  '',
  'NULL',
  'null',
  null,
  '"',
  '\\',
  '\\"',
  '{a,b}',
  'a b',
  ' ',
  "'",
  'ü🎉',
  '\n\t',
  ',',
  '{}',
];

onDistributedBackends(() => {
  describe('what is written as an array', () => {
    test('is read by PostgreSQL as it was', async () => {
      const { url, close } = await ownDatabase();
      const id = '01890000-0000-7000-8000-000000000000';
      const rows = await sql(url, 'SELECT $1::text[] AS texts, $2::float8[] AS numbers, $3::uuid[] AS ids', [
        textArray(TEXTS),
        numberArray([0, -1, null, 2 ** 53 - 1]),
        idArray([id, id]),
      ]);
      expect(rows).toEqual([{ texts: TEXTS, numbers: [0, -1, null, 2 ** 53 - 1], ids: [id, id] }]);
      const none = [textArray([]), numberArray([]), idArray([])];
      const empty = await sql(url, 'SELECT $1::text[] AS a, $2::bigint[] AS b, $3::uuid[] AS c', none);
      expect(empty).toEqual([{ a: [], b: [], c: [] }]);
      await close();
    });

    test('is refused as a whole when an id is none, instead of being read as two', async () => {
      const { url, close } = await ownDatabase();
      const id = '01890000-0000-7000-8000-000000000000';
      await expect(sql(url, 'SELECT $1::uuid[]', [idArray([`${id},${id}`])])).rejects.toThrow(
        'invalid input syntax',
      );
      await close();
    });
  });
});

test('only what an id column can hold is looked up', () => {
  expect(isUuid('01890000-0000-7000-8000-00000000000a')).toBe(true);
  for (const id of [
    '',
    'nonsense',
    '01890000-0000-7000-8000-00000000000A',
    '{01890000-0000-7000-8000-00000000000a}',
  ]) {
    expect(isUuid(id)).toBe(false);
  }
});
