import { expect, test } from 'bun:test';
import type { StoredAuditEntry } from '../../src/domain/audit-entry.ts';
import { randomFrom } from '../../src/lib/random.ts';
import { distributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { seedOf } from '../support/seed.ts';
import { eventually, openShop, type Shop } from '../support/shop.ts';

/**
 * `kill -9` while operators change a sale that runs: each change and its line in the log are both there or both not, and
 * whatever was answered is there.
 */

const ROUNDS = 5;
const OPERATORS = 6;
const KILL_MS_MAX = 150;
const PAGE = 1_000;

const seed = seedOf(import.meta.path);

const shops: [string, boolean, () => Promise<Shop>][] = [
  ['embedded', true, openShop],
  ['production', distributedBackends, () => openDistributedShop()],
];

for (const [name, isHere, open] of shops) {
  test.skipIf(!isHere)(
    `a server that is killed among its operators loses no change and no line, ${name}`,
    async () => {
      const random = randomFrom(seed);
      await using shop = await open();
      let linesBefore = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const answered = await changeUntilKilled(shop, random() * KILL_MS_MAX);
        await shop.restart();
        const log = await readLog(shop);
        const added = log.filter(({ action }) => action === 'units.add');
        const renamed = log.filter(({ action }) => action === 'product.change');
        const { total, version, name } = await state(shop);
        expect(total - UNITS).toBe(added.length);
        // The newest line first; lines of one process are in the order of their commits, by their time.
        const newest = renamed.toSorted((a, b) => b.at - a.at);
        const lastNames = newest.filter(({ at }) => at === newest[0]?.at).map(({ details }) => details.name);
        if (newest.length > 0) expect(lastNames).toContain(name);
        expect(version).toBe(1 + added.length + renamed.length);
        const logged = new Set(log.map(({ reason }) => reason));
        expect(answered.filter((reason) => !logged.has(reason))).toEqual([]);
        expect(log.length).toBeGreaterThan(linesBefore);
        linesBefore = log.length;
      }
      expect((await shop.readBooks()).breaches).toEqual([]);
    },
    120_000,
  );
}

/** Product 2, of a first start. */
const PATH = '/api/v1/products/2';
const UNITS = 500;

/** Answers the reasons of the changes that were answered. */
async function changeUntilKilled(shop: Shop, killAfterMs: number): Promise<string[]> {
  const answered: string[] = [];
  let killed = false;
  const operator = async (adds: boolean) => {
    while (!killed) {
      const reason = crypto.randomUUID();
      const call = adds
        ? shop.call('POST', `${PATH}/units`, { body: { delta: 1, reason } })
        : shop.call('PATCH', PATH, { body: { name: reason, reason } });
      const answer = await call.catch(() => null);
      if (answer?.status === 200) answered.push(reason);
    }
  };
  const operators = Promise.all(Array.from({ length: OPERATORS }, (_, i) => operator(i % 2 === 0)));
  await eventually(() => answered.length > OPERATORS);
  await Bun.sleep(killAfterMs);
  await shop.server.kill();
  killed = true;
  await operators;
  return answered;
}

async function state(shop: Shop): Promise<{ total: number; version: number; name: string }> {
  return (await shop.get(PATH)).json;
}

async function readLog(shop: Shop): Promise<StoredAuditEntry[]> {
  const log: StoredAuditEntry[] = [];
  for (let before: string | null = null; ; ) {
    const { json } = await shop.get(
      `/api/v1/ops/log?limit=${PAGE}${before === null ? '' : `&before=${before}`}`,
    );
    log.push(...json.operations.map((one: StoredAuditEntry) => ({ ...one, at: Date.parse(String(one.at)) })));
    before = json.next;
    if (before === null) return log;
  }
}
