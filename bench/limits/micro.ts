import { loadavg } from 'node:os';
import { createExpiringTable } from '../../src/lib/expiring-table.ts';
import { ratePolicy } from '../../src/lib/gcra.ts';
import { createKeyHash } from '../../src/lib/key-hash.ts';
import { createKeyedRate } from '../../src/lib/keyed-rate.ts';

/**
 * What limits cost in memory and time, without a server:
 *
 *   bun bench/limits/micro.ts [addresses]
 *
 * Prints JSON. Every address is a new one, so nothing is in the processor's caches; a purchase asks the rates of its address, its
 * customer and the customer at the product. It does not measure reading the address of a request.
 */
const count = Number(Bun.argv[2] ?? 1_000_000);
const HOUR_US = 3600e6;
/** All of them owe something until the end, which is the most that a table can be asked to remember. */
const policy = ratePolicy(10, HOUR_US, 10);

const addresses = Array.from(
  { length: count },
  (_, i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
);
Bun.gc(true);
const rssBefore = process.memoryUsage.rss();
// As large as a server's (src/http/limits/rates.ts).
const table = createExpiringTable(2 ** 21);
const hash = createKeyHash();
const byAddress = createKeyedRate(policy, table, hash);
const nowUs = 1e12;

const firstNs = perRequestNs(() => {
  for (const address of addresses) byAddress.take(address, nowUs);
});
const known = count - table.lost;
const rssMb = (process.memoryUsage.rss() - rssBefore) / 1e6;
const againNs = perRequestNs(() => {
  for (const address of addresses) byAddress.take(address, nowUs);
});

const byCustomer = createKeyedRate(policy, table, hash);
const byProduct = createKeyedRate(policy, table, hash);
const byCancels = createKeyedRate(policy, table, hash);
const customers = addresses.map((address) => `buyer-${address}`);
let i = 0;
const purchaseNs = perRequestNs(() => {
  for (const address of addresses) {
    byAddress.take(address, nowUs);
    const customer = customers[i++]!;
    if (byCustomer.take(customer, nowUs) === 0 && byProduct.take(customer, nowUs, 1) === 0)
      byCancels.wait(customer, nowUs, 1);
  }
});

const figures = {
  addresses: count,
  rssMb: Math.round(rssMb),
  nsPerNewAddress: firstNs,
  nsPerKnownAddress: againNs,
  nsPerPurchase: purchaseNs,
  tableMb: table.bytes / 1e6,
  rememberedPct: (100 * known) / count,
  loadavg: loadavg()[0],
};
console.log(JSON.stringify(figures));

/** Of the processor's time: others may use the machine. */
function perRequestNs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return Math.round(((user + system) * 1000) / count);
}
