import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClosedLoop } from './closed-loop.ts';
import { targetOf } from './requests.ts';
import { resetStock } from './server-api.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { PLENTY, PRODUCT_ID } from './workloads/comparison.ts';
import { median, rounded } from './workloads/result.ts';

/** A server and what its buyers send. */
export interface Side {
  readonly env: Readonly<Record<string, string>>;
  /** Ready before anything is measured; the n-th purchase from it on. */
  readonly requests: (server: ServerProcess) => Promise<(n: number) => Uint8Array>;
}

/** Requests that were answered as they should be, and the server's CPU for each. */
interface Turn {
  readonly perS: number;
  readonly cpuUs: number;
}

const CONNECTIONS = 64;

/**
 * What something costs a sync purchase that wins, on the embedded backends: a server without and one with it, in turns of `seconds`, and
 * `rounds` pairs of those. The generator shares the machine's cores, so CPU per purchase says more than the rate.
 */
export async function pairedCost(without: Side, having: Side, seconds: number, rounds: number) {
  const off = await open(without);
  const on = await open(having);
  try {
    await off.turn(1);
    await on.turn(1);
    const pairs: { off: Turn; on: Turn }[] = [];
    for (let round = 0; round < rounds; round++) {
      // Which one is first changes, too.
      const first = round % 2 === 0 ? off : on;
      const a = await first.turn(seconds);
      const b = await (first === off ? on : off).turn(seconds);
      pairs.push(first === off ? { off: a, on: b } : { off: b, on: a });
    }
    return {
      rounds: pairs,
      cpuRatio: rounded(median(pairs.map(({ off, on }) => off.cpuUs / on.cpuUs))!, 3),
      rateRatio: rounded(median(pairs.map(({ off, on }) => on.perS / off.perS))!, 3),
      loadavg: loadavg()[0],
    };
  } finally {
    await Promise.all([off.close(), on.close()]);
  }
}

async function open({ env, requests }: Side) {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecart-cost-'));
  const server = await startServer({ dataFolder: folder, env: { ...env, PULSECART_PAYMENTS: 'off' } });
  await stockUp(server);
  const loop = await ClosedLoop.open(targetOf(server.url), CONNECTIONS, {
    request: await requests(server),
    expectStatus: 200,
  });
  return {
    async turn(seconds: number): Promise<Turn> {
      const before = server.usage()!.cpuMs;
      const { requests, elapsedMs, errors } = await loop.run({ durationMs: seconds * 1000 });
      if (Object.keys(errors).length > 0) throw new Error(JSON.stringify(errors));
      const cpuUs = ((server.usage()!.cpuMs - before) * 1000) / requests;
      return { perS: Math.round((requests * 1000) / elapsedMs), cpuUs: Number(cpuUs.toFixed(2)) };
    },
    async close() {
      loop.close();
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** As an operator: a server behind trusted proxies trusts nobody on its machine. */
export function stockUp({ url, operatorToken }: ServerProcess): Promise<void> {
  return resetStock(url, PRODUCT_ID, PLENTY, { Authorization: `Bearer ${operatorToken}` });
}
