import { describe } from 'bun:test';
import { ledgerContract } from '../../../tests/conformance/ledger.contract.ts';
import { distributedBackends, onDistributedBackends, ownDatabase } from '../../../tests/support/backends.ts';
import { havePgbouncer, startPgbouncer } from '../../../tests/support/pgbouncer.ts';
import { ledgerUnderTest } from '../../../tests/support/postgres-ledger.ts';

onDistributedBackends(() => {
  ledgerContract('PostgreSQL', async () => {
    const { url, close } = await ownDatabase();
    return ledgerUnderTest(url, close);
  });
});

const isThere = distributedBackends && (await havePgbouncer());
describe.skipIf(!isThere)('with pgbouncer installed', () => {
  ledgerContract('PostgreSQL behind pgbouncer in transaction mode', async () => {
    const database = await ownDatabase();
    const bouncer = await startPgbouncer(database.url);
    const close = async () => {
      await bouncer.close();
      await database.close();
    };
    return ledgerUnderTest(bouncer.url, close, database.url);
  });
});
