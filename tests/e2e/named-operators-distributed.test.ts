import { expect, test } from 'bun:test';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually } from '../support/shop.ts';

/** Operators of several processes. */

const OTTO = { name: 'otto', role: 'operator', token: 'token-of-otto-for-tests' };
const NEXT = { ...OTTO, token: 'another-token-of-otto' };
/** Over connections of their own, of which each process gets some. */
const TIMES = 12;

onDistributedBackends(() => {
  test('a new list counts in every process, and the name stands in the log of operations', async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'operators.json');
    const write = (operators: unknown) => {
      writeFileSync(`${file}.new`, JSON.stringify(operators));
      renameSync(`${file}.new`, file);
    };
    write([OTTO]);
    await using shop = await openDistributedShop({ instances: 2, env: { PULSECART_OPERATORS_FILE: file } });
    const as = ({ token }: typeof OTTO) => ({ Authorization: `Bearer ${token}`, Connection: 'close' });
    const statuses = async (operator: typeof OTTO) => {
      const calls = Array.from({ length: TIMES }, () => shop.get('/api/v1/ops/me', as(operator)));
      return new Set((await Promise.all(calls)).map(({ status }) => status));
    };
    expect([...(await statuses(OTTO))]).toEqual([200]);
    const pause = { body: { reason: 'to see it' }, headers: as(OTTO) };
    expect((await shop.call('POST', '/api/v1/products/1/pause', pause)).status).toBe(200);
    const log = await shop.get('/api/v1/ops/log?limit=1', as(OTTO));
    expect(log.json.operations).toMatchObject([{ actor: 'otto', action: 'sale.pause' }]);
    write([NEXT]);
    await eventually(async () => [...(await statuses(OTTO))].join() === '401');
    expect([...(await statuses(NEXT))]).toEqual([200]);
  });
});
