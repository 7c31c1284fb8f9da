import { afterAll, beforeAll, expect, test } from 'bun:test';
import { BOUGHT, ODD_CLIENTS, purchaseBytes, statusesHeard } from '../support/odd-clients.ts';
import { connectRaw, type RawConnection } from '../support/raw-http.ts';
import { eventually, type Shop } from '../support/shop.ts';

/**
 * Clients whose bytes Bun's server answers by itself, or with a closed connection, where RFC 9112 wants the purchase's own
 * answer. What Bun does is pinned here, so that a Bun that does it right is noticed; what we promise holds either way.
 */

const RIGHT_BY_NOW =
  'Bun did this otherwise until now. Where it is right: mark the case so, and correct docs/reference/errors.md';

const PRODUCT = 5;
const KEY = 'a key of this purchase';
const TEST_TIMEOUT_MS = 90_000;

/** What a client sends while its purchase is at the ledger, and what Bun then says. */
const MEANWHILE: readonly (readonly [string, (connection: RawConnection) => void, readonly number[]])[] = [
  ['half-closes its connection', (connection) => connection.finish(), []],
  ['sends the next request', (connection) => connection.send(purchaseBytes('sync', {}).plain()), []],
  ['sends a line end', (connection) => connection.send('\r\n'), [400]],
];

export function describeOddClients(openShop: (env: Record<string, string>) => Promise<Shop>): void {
  let shop: Shop;
  beforeAll(async () => {
    // No purchase is to be given up while it is held back here.
    shop = await openShop({ PULSECART_PURCHASE_TIMEOUT_MS: '30000' });
  }, TEST_TIMEOUT_MS);
  afterAll(() => shop[Symbol.asyncDispose](), TEST_TIMEOUT_MS);

  let customers = 0;
  const request = () => ({ productId: PRODUCT, quantity: 1, userId: `buyer-${++customers}` });

  for (const channel of ['sync', 'async'] as const) {
    const bought = channel === 'sync' ? 200 : 202;
    for (const { what, bytes, statuses, bunSays } of ODD_CLIENTS) {
      const isRight = bunSays === undefined;
      const expected = isRight ? statuses.map((status) => (status === BOUGHT ? bought : status)) : bunSays;
      const says = isRight
        ? 'is answered'
        : `hears ${bunSays.length === 0 ? 'nothing' : `a bare ${bunSays}`}`;
      const buys = isRight
        ? 'buys once, asked again with its key, too'
        : 'buys nothing, and leaves its key free';
      test(`P8 ${channel}: a purchase with ${what} ${says} and ${buys}`, async () => {
        const before = await unitsTaken();
        const body = request();
        using connection = await connectRaw(shop.url);
        connection.send(bytes(purchaseBytes(channel, body, KEY)));
        expect(await statusesHeard(connection, statuses.length), RIGHT_BY_NOW).toEqual([...expected]);
        if (!isRight) expect(connection.text(), RIGHT_BY_NOW).not.toContain('"code"');
        // Had anything been taken under the key, it would be refused for another quantity.
        await buy(channel, isRight ? body : { ...body, quantity: 2 }, KEY);
        expect((await unitsTaken()) - before).toBe(isRight ? 1 : 2);
      });
    }
  }

  for (const [what, doIt, bunSays] of MEANWHILE) {
    test(`P8 a client that ${what} before the answer hears none of ours, and with its key finds what it bought`, async () => {
      const before = await unitsTaken();
      const body = request();
      {
        await using _held = await shop.holdWrites();
        using connection = await connectRaw(shop.url);
        connection.send(purchaseBytes('sync', body, KEY).plain());
        await eventually(async () => (await inside()) === 1);
        doIt(connection);
        expect(await statusesHeard(connection, 1), RIGHT_BY_NOW).toEqual([...bunSays]);
        expect(connection.text(), RIGHT_BY_NOW).not.toContain('"code"');
      }
      await buy('sync', body, KEY);
      expect((await unitsTaken()) - before).toBe(1);
    });
  }

  /** Until it is bought; a purchase that is still under way answers `in_flight`. */
  async function buy(channel: 'sync' | 'async', body: object, key?: string): Promise<void> {
    const headers: Record<string, string> = key === undefined ? {} : { 'Idempotency-Key': key };
    let answer = await shop.buy(channel, body, headers);
    await eventually(async () => {
      if (answer.json.code !== 'in_flight') return true;
      answer = await shop.buy(channel, body, headers);
      return false;
    });
    expect(answer.json).toMatchObject(channel === 'sync' ? { success: true } : { accepted: true });
    if (channel === 'sync') return;
    const path = `/api/v1/async/purchase/${answer.json.trackingId}?wait=10s`;
    await eventually(async () => (await shop.get(path)).json.status === 'confirmed');
  }

  async function inside(): Promise<number> {
    return (await shop.get('/actuator/metrics/pulsecart_purchases_inside')).json.measurements[0].value;
  }

  /** Reserved or sold, by the books. */
  async function unitsTaken(): Promise<number> {
    const { reserved, sold } = (await shop.readBooks()).product(PRODUCT);
    return reserved + sold;
  }
}
