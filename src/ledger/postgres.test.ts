import { ownDatabase, productionEngines } from '../../test/support/engines.ts';
import { ledgerContract } from './ledger.contract.ts';
import { ledgerUnderTest } from './postgres/support.contract.ts';

if (productionEngines) {
  ledgerContract('PostgreSQL', async () => {
    const { url, close } = await ownDatabase();
    return ledgerUnderTest(url, close);
  });
} else {
  console.log('PULSECART_TEST_ENGINES=embedded: the PostgreSQL ledger is not tested');
}
