import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { OpenLoop } from '../open-loop.ts';
import { stockUp } from '../paired-cost.ts';
import { targetOf } from '../requests.ts';
import { startServer } from '../server-process.ts';
import { forwardedPurchases, oneOfMany, PROXIED } from './requests.ts';

/**
 * What buyers feel of a flood that is refused: sync purchases at a steady rate, in turns alone and beside requests of 50 addresses that are
 * over their limit:
 *
 *   bun bench/limits/flood.ts [refused requests a second] [purchases a second] [seconds of a turn] [rounds]
 *
 * Prints JSON: p99 of the buyers, from the intended time of each. The flood comes from a process of its own; on a machine of two
 * cores it takes one of them, so that what is measured is an upper bound of what the server itself loses.
 */
const ADDRESSES = 50;
const [what = ''] = Bun.argv.slice(2);
if (what === 'flood-from-here') await floodFromHere(Bun.argv.slice(3));
else await measure(Bun.argv.slice(2).map(Number));

async function measure([floodPerS = 20_000, buyersPerS = 200, seconds = 4, rounds = 5]: readonly number[]) {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecart-flood-'));
  const env = {
    ...PROXIED,
    PULSECART_LIMITS: 'on',
    PULSECART_PAYMENTS: 'off',
    PULSECART_LIMIT_PURCHASE_ADDRESS: '1/s burst 20',
  };
  const server = await startServer({ dataFolder: folder, env });
  try {
    await stockUp(server);
    const buyers = await OpenLoop.open(targetOf(server.url), 128, {
      request: forwardedPurchases(server.url, 'buyer', oneOfMany),
      expectStatus: 200,
    });
    await buyers.run({ durationMs: 1000, ratePerS: buyersPerS });
    const turns = [];
    for (let round = 0; round < rounds; round++) {
      const alone = await buyers.run({ durationMs: seconds * 1000, ratePerS: buyersPerS });
      const child = Bun.spawn(
        [
          process.execPath,
          import.meta.path,
          'flood-from-here',
          server.url,
          String(floodPerS),
          String(seconds + 2),
        ],
        { stdout: 'pipe', stderr: 'inherit' },
      );
      const told = child.stdout.getReader();
      // It says so when it has begun.
      await told.read();
      const beside = await buyers.run({ durationMs: seconds * 1000, ratePerS: buyersPerS });
      const { value } = await told.read();
      await child.exited;
      turns.push({
        aloneP99Ms: alone.latency.percentileMs(99),
        besideP99Ms: beside.latency.percentileMs(99),
        errors: { ...alone.errors, ...beside.errors },
        flood: JSON.parse(new TextDecoder().decode(value)),
      });
    }
    buyers.close();
    const ratios = turns.map((turn) => turn.besideP99Ms! / turn.aloneP99Ms!).toSorted((a, b) => a - b);
    const figures = {
      floodPerS,
      buyersPerS,
      turns,
      ratio: ratios[Math.floor(rounds / 2)],
      loadavg: loadavg()[0],
    };
    console.log(JSON.stringify(figures, null, 1));
  } finally {
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Two lines: that it has begun, and what came of it. */
async function floodFromHere([url = '', perS = '', seconds = '']: readonly string[]) {
  const flood = await OpenLoop.open(targetOf(url), 128, {
    request: forwardedPurchases(url, 'flood', (n) => `203.0.113.${n % ADDRESSES}`),
    expectStatus: 429,
  });
  await flood.run({ durationMs: 500, ratePerS: 5_000 });
  console.log('begun');
  const slice = await flood.run({ durationMs: Number(seconds) * 1000, ratePerS: Number(perS) });
  flood.close();
  const refusedPerS = Math.round((slice.requests * 1000) / slice.elapsedMs);
  console.log(
    JSON.stringify({ refusedPerS, errors: slice.errors, cpuGeneratorMs: Math.round(slice.cpuGeneratorMs) }),
  );
}
