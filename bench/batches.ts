import { ask } from './server-api.ts';
import type { ServerProcess } from './server-process.ts';
import { rounded } from './workloads/result.ts';

/** What a server has decided so far. */
export interface Batches {
  readonly batches: number;
  readonly purchases: number;
}

/**
 * Adds up the counts of these processes; null when one does not answer. A purchase that the ledger decides is in a batch: sync in that of
 * a transaction, async in that of a message. A refusal that is known without the ledger is in none.
 */
export async function askBatches(servers: readonly ServerProcess[]): Promise<Batches | null> {
  const texts = await Promise.all(
    servers.map(async (server) => (await ask(server, '/actuator/prometheus'))?.text() ?? null),
  );
  if (texts.includes(null)) return null;
  const all = texts.join('\n');
  const sum = (...names: string[]): number => names.reduce((total, name) => total + counterIn(all, name), 0);
  return {
    batches: sum('pulsecart_purchase_batches_total', 'pulsecart_accepted_messages_total'),
    purchases: sum('pulsecart_purchases_decided_total'),
  };
}

/** The sum over all processes. */
function counterIn(metrics: string, name: string): number {
  const lines = metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+]+)`, 'gm'));
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Purchases per batch in between; null without any. */
export function meanBatch(before: Batches | null, after: Batches | null): number | null {
  if (before === null || after === null || after.batches === before.batches) return null;
  return rounded((after.purchases - before.purchases) / (after.batches - before.batches), 2);
}
