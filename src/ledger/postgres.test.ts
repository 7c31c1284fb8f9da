import { ownDatabase, productionEngines } from '../../test/support/engines.ts';
import { havePgbouncer, startPgbouncer } from '../../test/support/pgbouncer.ts';
import { ledgerUnderTest } from '../../test/support/postgres-ledger.ts';
import { ledgerContract } from './ledger.contract.ts';

if (!productionEngines) {
  console.log('skipped: the PostgreSQL ledger, because of PULSECART_TEST_ENGINES=embedded');
} else {
  ledgerContract('PostgreSQL', async () => {
    const { url, close } = await ownDatabase();
    return ledgerUnderTest(url, close);
  });
  if (await havePgbouncer()) behindPgbouncer();
  else console.log('skipped: the PostgreSQL ledger behind pgbouncer, which is not installed');
}

function behindPgbouncer(): void {
  ledgerContract('PostgreSQL behind pgbouncer in transaction mode', async () => {
    const database = await ownDatabase();
    const bouncer = await startPgbouncer(database.url);
    const close = async () => {
      await bouncer.close();
      await database.close();
    };
    return ledgerUnderTest(bouncer.url, close, database.url);
  });
}
