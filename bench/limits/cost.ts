import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClosedLoop } from '../closed-loop.ts';
import { targetOf } from '../requests.ts';
import { type ServerProcess, startServer } from '../server-process.ts';
import { forwardedPurchases, oneOfMany, PROXIED } from './requests.ts';

/**
 * What limits cost a purchase: sync purchases that win, embedded backends, one server with limits and one without, in turns:
 *
 *   bun bench/limits/cost.ts [seconds of a turn] [rounds]
 *
 * Prints JSON. Each request comes through a trusted proxy, from an address and of a customer that have not bought before, to both servers
 * alike. The generator shares the machine's cores, so CPU per purchase says more than the rate.
 */
const seconds = Number(Bun.argv[2] ?? 3);
const rounds = Number(Bun.argv[3] ?? 7);
const CONNECTIONS = 64;
const UNITS = 2_000_000_000;

const off = await open({ PULSECART_LIMITS: 'off' });
const on = await open({ PULSECART_LIMITS: 'on' });
try {
  await off.turn(1);
  await on.turn(1);
  const pairs = [];
  for (let round = 0; round < rounds; round++) {
    // Which one is first changes, too.
    const first = round % 2 === 0 ? off : on;
    const a = await first.turn(seconds);
    const b = await (first === off ? on : off).turn(seconds);
    pairs.push(first === off ? { off: a, on: b } : { off: b, on: a });
  }
  const figures = {
    rounds: pairs,
    cpuRatio: median(pairs.map((pair) => pair.off.cpuUs / pair.on.cpuUs)),
    rateRatio: median(pairs.map((pair) => pair.on.perS / pair.off.perS)),
    loadavg: loadavg()[0],
  };
  console.log(JSON.stringify(figures, null, 1));
} finally {
  await Promise.all([off.close(), on.close()]);
}

async function open(env: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecart-limits-'));
  const server = await startServer({
    dataFolder: folder,
    env: { ...env, ...PROXIED, PULSECART_PAYMENTS: 'off' },
  });
  await resetStock(server);
  const loop = await ClosedLoop.open(targetOf(server.url), CONNECTIONS, {
    request: forwardedPurchases(server.url, 'buyer', oneOfMany),
    expectStatus: 200,
  });
  return {
    async turn(durationS: number) {
      const before = server.usage()!.cpuMs;
      const { requests, elapsedMs, errors } = await loop.run({ durationMs: durationS * 1000 });
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

async function resetStock({ url, operatorToken }: ServerProcess): Promise<void> {
  const response = await fetch(`${url}/api/v1/sync/stock/1/reset?stock=${UNITS}`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${operatorToken}` },
  });
  if (!response.ok) throw new Error(await response.text());
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Number(sorted[Math.floor(sorted.length / 2)]!.toFixed(3));
}
