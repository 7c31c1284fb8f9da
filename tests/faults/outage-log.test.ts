import { expect, test } from 'bun:test';
import { startPrivateBackend } from '../../bench/services/private-backends.ts';
import { distributedBackends } from '../support/backends.ts';
import type { Answer } from '../support/caller.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { FAILING, failRows } from '../support/failing-row.ts';
import { ownBackends } from '../support/own-backends.ts';
import { eventually, openShop } from '../support/shop.ts';

/** What a server logs while every request fails and a crowd does not stop asking. */

interface Line {
  readonly level: number;
  readonly time: string;
  readonly msg: string;
  readonly code?: string;
  readonly err?: { readonly code?: string };
  readonly leftOut?: number;
}

const PEOPLE = 100;
/** Many times what may be logged of them. */
const REFUSED_MIN = 1_000;
const RUSH_MS = 2_500;
/** Lines of a kind in any second, whenever it begins: three of one and three of the next. */
const LINES_MAX = 6;
const WARN = 40;
const TIMEOUT_MS = 120_000;

test(
  'P9 what every request fails by is a few lines a second of each kind, and all are counted: a row that SQLite refuses',
  async () => {
    await using shop = await openShop();
    await failRows(shop);
    const request = { productId: 1, quantity: 1, userId: FAILING };
    const refused = await rush(() => shop.buy('sync', request), 500);
    await expectFewLines(() => shop.server.log(), refused);
  },
  TIMEOUT_MS,
);

if (!distributedBackends) console.log('PULSECART_TEST_ENGINES=embedded: no outage of PostgreSQL');
else
  test(
    'P9 what every request fails by is a few lines a second of each kind, and all are counted: PostgreSQL is stopped',
    async () => {
      const postgres = await startPrivateBackend('postgres');
      try {
        await using others = await ownBackends();
        const backends = { ...others.env, DATABASE_URL: postgres.url };
        await using shop = await openDistributedShop({ backends });
        await postgres.kill();
        // Asked of the ledger each time, and answered in the way that all routes share.
        const pause = () => shop.call('POST', '/api/v1/products/1/pause', { body: { reason: 'an outage' } });
        const refused = await rush(pause, 503);
        await expectFewLines(() => shop.server.log(), refused);
      } finally {
        await postgres.close();
      }
    },
    TIMEOUT_MS,
  );

/** People who are refused and ask again at once; answers how often that was. */
async function rush(ask: () => Promise<Answer>, status: number): Promise<number> {
  const untilMs = performance.now() + RUSH_MS;
  let refused = 0;
  const person = async (): Promise<void> => {
    while (refused < REFUSED_MIN || performance.now() < untilMs) {
      expect((await ask()).status).toBe(status);
      refused++;
    }
  };
  await Promise.all(Array.from({ length: PEOPLE }, person));
  return refused;
}

async function expectFewLines(log: () => string, refused: number): Promise<void> {
  const warnings = (): Line[] =>
    log()
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line))
      .filter(({ level }) => level >= WARN);
  const told = () =>
    warnings()
      .filter(({ msg }) => msg === 'request failed')
      .reduce((sum, { leftOut = 0 }) => sum + 1 + leftOut, 0);
  await eventually(() => told() >= refused);
  expect(told()).toBe(refused);
  for (const lines of Map.groupBy(warnings(), kindOf).values()) {
    const times = lines.map(({ time }) => Date.parse(time));
    const most = Math.max(
      ...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length),
    );
    expect([kindOf(lines[0]!), most <= LINES_MAX]).toEqual([kindOf(lines[0]!), true]);
  }
}

function kindOf({ level, msg, code, err }: Line): string {
  return `${level} ${code ?? err?.code ?? ''} ${msg.replaceAll(/[0-9a-f-]{36}|\d+/g, 'N')}`;
}
