import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createPurchaseIds } from '../../src/domain/ids.ts';
import { BODY_CHARS_MAX } from '../../src/domain/message-body.ts';
import { encodePurchases } from '../../src/ports/purchase-message.ts';
import { QUEUE_NAMES, type QueueName } from '../../src/ports/queue.ts';
import { eventually, type Shop } from '../support/shop.ts';

/** Whatever bytes are in a queue, against real server processes. */

export interface RubbishShop extends AsyncDisposable {
  readonly shop: Shop;
  /** What purchase ids are signed with. */
  secret(): Promise<Uint8Array>;
  /** Puts messages into queues while nobody works on them, has a worker crash on them if asked to, and lets work begin. */
  work(messages: readonly RawMessage[], afterCrash: boolean): Promise<void>;
  logs(): string;
}

export interface RawMessage {
  readonly queue: QueueName;
  readonly content: Buffer;
}

interface Group {
  readonly queue: QueueName;
  readonly items: number;
}

const TIMEOUT_MS = 120_000;
const CUSTOMER = 'jane.doe@example.org';
const CAUSE = 'unreadable message';
const LETTERS = '/api/v1/ops/dead-letters';

export function describeRubbishContract(
  open: () => Promise<RubbishShop>,
  /** Bytes in one message that the backend still takes. */
  hugeBytes: number,
): void {
  let own: RubbishShop;
  beforeAll(async () => {
    own = await open();
  }, TIMEOUT_MS);
  afterAll(async () => {
    expect((await own.shop.readBooks()).breaches).toEqual([]);
    await own[Symbol.asyncDispose]();
  }, TIMEOUT_MS);

  /** What is in dead letters, by queue. All of it could not be read. */
  async function deadItems(): Promise<Partial<Record<QueueName, number>>> {
    const { groups } = (await own.shop.get(LETTERS)).json;
    for (const { cause } of groups) expect(cause).toBe(CAUSE);
    return Object.fromEntries(groups.map(({ queue, items }: Group) => [queue, items]));
  }

  async function act(what: 'replay' | 'discard', queue: QueueName): Promise<void> {
    const body = { queue, cause: CAUSE, reason: 'for the test' };
    expect((await own.shop.call('POST', `${LETTERS}/${what}`, { body })).status).toBe(200);
  }

  async function outcome(id: unknown, wait = ''): Promise<string> {
    const { json } = await own.shop.get(`/api/v1/async/purchase/${id}${wait}`);
    return json.code ?? json.status;
  }

  async function untilIdle(): Promise<void> {
    await eventually(async () => {
      const { queues } = (await own.shop.get('/api/v1/async/queue/status')).json;
      return queues.every((queue: Record<string, number>) => queue.ready! + queue.unacknowledged! === 0);
    });
  }

  for (const afterCrash of [false, true]) {
    test(
      `P3 whatever bytes are in a queue end as dead letters, and their neighbours are decided${afterCrash ? ', after a worker crashed on them' : ''}`,
      async () => {
        const ids = createPurchaseIds(await own.secret(), Date.now);
        const tuple = (customer: string | null = null): unknown[] => {
          const plain = {
            productId: 1,
            quantity: 1,
            channel: 'async',
            key: null,
            refusal: null,
            expectedPriceMinor: null,
          } as const;
          const purchase = { ...plain, id: ids.mint('async'), customer, acceptedAt: Date.now() };
          return JSON.parse(encodePurchases([purchase]).body)[0];
        };
        const good = Array.from({ length: 6 }, () => tuple(CUSTOMER));
        const [one, two, three, four, five, six] = good;
        const mangled = tuple(CUSTOMER).with(2, 'many');
        const stranger = tuple(CUSTOMER).with(0, CUSTOMER);
        const otherUuid = tuple(CUSTOMER).with(0, crypto.randomUUID());
        const key = { scope: CUSTOMER, value: 'k\0', fingerprint: '1:1' };
        const bad: unknown[] = [
          [[one, stranger, two], 1],
          [[null, three, tuple(`${CUSTOMER}\0`), tuple(CUSTOMER).with(5, key)], 3],
          [[four], 0],
          [[mangled], 1],
          [[otherUuid, five], 1],
          [[tuple().with(1, '1'), tuple().with(4, 1e300), six], 2],
          [{ __proto__: null, length: 1, 0: six }, 1],
          ['', 1],
        ];
        const lists = bad as [unknown, number][];
        const texts = ['', '\0', '[]', `["${CUSTOMER}`, JSON.stringify(['x'.repeat(BODY_CHARS_MAX)])];
        const bytes = [Buffer.from([0x5b, 0xff, 0x5d]), Buffer.alloc(hugeBytes, 0xff)];
        const raw = [...texts.map((text) => Buffer.from(text)), ...bytes];
        const charges = [[1, one![0], CUSTOMER], [], { orders: [two![0]] }];
        const messages: RawMessage[] = [
          ...lists.map(([list]) => ({ queue: 'purchases' as const, content: json(list) })),
          ...raw.map((content) => ({ queue: 'purchases' as const, content })),
          ...charges.map((list) => ({ queue: 'payments' as const, content: json(list) })),
          ...raw.map((content) => ({ queue: 'payments' as const, content })),
        ];
        await own.work(messages, afterCrash);

        const confirmed = await Promise.all(good.map(([id]) => outcome(id, '?wait=20s')));
        expect(confirmed).toEqual(good.map(() => 'confirmed'));
        const expected = { purchases: sum(lists) + raw.length, payments: 4 + raw.length };
        // A worker that dies after it made a letter, and before it acknowledged the message, leaves a second one.
        await eventually(async () => {
          const { purchases = 0, payments = 0 } = await deadItems();
          return purchases >= expected.purchases && payments >= expected.payments;
        });
        await untilIdle();
        const dead = await deadItems();
        if (!afterCrash) expect(dead).toEqual(expected);
        expect(await outcome(mangled[0])).toBe('needs_attention');

        for (const queue of QUEUE_NAMES) await act('replay', queue);
        await eventually(async () => Bun.deepEquals(await deadItems(), dead));
        await untilIdle();
        for (const queue of QUEUE_NAMES) await act('discard', queue);
        expect(await deadItems()).toEqual({});
        expect(await outcome(mangled[0])).toBe('discarded');
        expect(own.logs().includes('dead-lettered: ')).toBe(true);
        expect(own.logs().includes(CUSTOMER)).toBe(false);
      },
      TIMEOUT_MS,
    );
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function sum(counted: readonly (readonly [unknown, number])[]): number {
  return counted.reduce((total, [, count]) => total + count, 0);
}
