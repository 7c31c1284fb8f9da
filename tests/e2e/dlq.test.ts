import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { runPulsecart, runToEnd } from '../support/command.ts';
import { type EmbeddedShop, eventually, openShop } from '../support/shop.ts';

/** `pulsecart dlq`: what nobody could handle, seen and ended from the command line. */

test('dead letters are listed by cause, replayed and discarded, and the log has who and why', async () => {
  await using shop = await openShop();
  expect((await dlq(shop, 'list')).stdout).toBe('  There are no dead letters.\n');
  await putUnreadable(shop, 3);
  await eventually(async () => (await groups(shop))[0]?.letters === 3);
  const cause = (await groups(shop))[0]!.cause;

  const letters = JSON.parse((await dlq(shop, 'list', '--cause', cause, '--json')).stdout).letters;
  expect(letters).toHaveLength(3);
  // What nobody could read nobody can read now: it comes back.
  const replayed = await dlq(shop, 'replay', '--ids', letters[0].id, '--reason', 'a try');
  expect(replayed).toMatchObject({
    exit: 0,
    stdout: expect.stringMatching(/^ {2}letters replayed: 1; purchases in them: \d\n$/),
  });
  await eventually(async () => (await groups(shop))[0]?.letters === 3);

  const discarded = await dlq(shop, 'discard', '--cause', cause, '--reason', 'no use', '--json');
  expect(discarded.exit).toBe(0);
  expect(JSON.parse(discarded.stdout)).toMatchObject({ queue: 'purchases', letters: 3, truncated: false });
  expect(await groups(shop)).toEqual([]);
  const { operations } = (await shop.get('/api/v1/ops/log')).json;
  expect(
    operations.map(({ action, reason }: { action: string; reason: string }) => [action, reason]),
  ).toEqual([
    ['dead-letters.discard', 'no use'],
    ['dead-letters.replay', 'a try'],
  ]);
  // Also where no variable has the name: the command above ran without USER.
  const { stdout: whoIAm } = await runToEnd(['node', '-p', 'os.userInfo().username']);
  expect(new Set(operations.map(({ actor }: { actor: string }) => actor))).toEqual(new Set([whoIAm.trim()]));
});

function dlq(shop: EmbeddedShop, ...args: string[]) {
  return runPulsecart(['dlq', ...args, '--url', shop.url], { PULSECART_DATA: shop.folder });
}

async function groups(shop: EmbeddedShop): Promise<{ cause: string; letters: number }[]> {
  return JSON.parse((await dlq(shop, 'list', '--json')).stdout).groups;
}

/** As a program of another release might have left them. */
async function putUnreadable(shop: EmbeddedShop, count: number): Promise<void> {
  await shop.server.stop();
  const db = new Database(join(shop.folder, 'pulsecart.db'));
  const put = db.prepare(
    `INSERT INTO messages (queue, body, items, published_at, available_at) VALUES ('purchases', 'unreadable', 1, 0, 0)`,
  );
  for (let i = 0; i < count; i++) put.run();
  put.finalize();
  db.close();
  await shop.restart();
}
