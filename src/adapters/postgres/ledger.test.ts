import { describe } from 'bun:test';
import { onProductionEngines, ownDatabase, productionEngines } from '../../../test/support/engines.ts';
import { havePgbouncer, startPgbouncer } from '../../../test/support/pgbouncer.ts';
import { ledgerUnderTest } from '../../../test/support/postgres-ledger.ts';
import { ledgerContract } from '../../ports/ledger.contract.ts';

onProductionEngines(() => {
  ledgerContract('PostgreSQL', async () => {
    const { url, close } = await ownDatabase();
    return ledgerUnderTest(url, close);
  });
});

const isThere = productionEngines && (await havePgbouncer());
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
