import { pairedCost, type Side } from '../paired-cost.ts';
import { forwardedPurchases, oneOfMany, PROXIED } from './requests.ts';

/**
 * What limits cost a purchase:
 *
 *   bun bench/limits/cost.ts [seconds of a turn] [rounds]
 *
 * Prints JSON. Each request comes through a trusted proxy, from an address and of a customer that have not bought before, to both servers
 * alike.
 */
const [seconds = 3, rounds = 7] = Bun.argv.slice(2).map(Number);
const side = (limits: 'on' | 'off'): Side => ({
  env: { ...PROXIED, PULSECART_LIMITS: limits },
  requests: async ({ url }) => forwardedPurchases(url, 'buyer', oneOfMany),
});
console.log(JSON.stringify(await pairedCost(side('off'), side('on'), seconds, rounds), null, 1));
