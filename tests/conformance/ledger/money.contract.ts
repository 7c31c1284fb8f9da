import { describe, expect, test } from 'bun:test';
import { QUANTITY_MAX } from '../../../src/domain/purchase.ts';
import { captured, LONG_MS, type Scene } from './scene.contract.ts';

const PRICE_MINOR_MAX = 9_000_000_000;
/** Together more than a signed number of 64 bits can hold. */
const ORDERS = 1_100;
const TIMEOUT_MS = 60_000;

/** Sums of money, by what reads them. The audit after each test is one of those. */
export function money(scene: Scene): void {
  describe('P6 money at the limits of price, quantity and a thousand orders', () => {
    test(
      'is summed up in the books, and while it goes back',
      async () => {
        const currency = 'CLF';
        const units = ORDERS * QUANTITY_MAX;
        const productId = await scene.sale({ priceMinor: PRICE_MINOR_MAX, currency, units });
        const requests = Array.from({ length: ORDERS }, () =>
          scene.purchase(productId, { quantity: QUANTITY_MAX }),
        );
        await scene.decide(...requests);
        const orderIds = requests.map(({ id }) => id);
        const leased = await scene.ledger.lease(orderIds, LONG_MS);
        expect(leased).toHaveLength(ORDERS);
        await scene.ledger.settle(
          leased.map(({ order: { id: orderId }, attempt, leases }) => ({
            orderId,
            attempt,
            leases,
            result: captured(`p-${orderId}`),
          })),
        );
        const sum = BigInt(ORDERS) * BigInt(QUANTITY_MAX) * BigInt(PRICE_MINOR_MAX);
        const nothing = { currency, refunded: 0n, onItsWayBack: 0n };
        const inBooks = async () => (await scene.books()).money.find((one) => one.currency === currency);
        expect(await inBooks()).toEqual({ ...nothing, captured: sum, paid: sum });

        for (const id of orderIds) {
          const operation = { id: scene.newId(), action: 'order.refund', subject: `order/${id}` } as const;
          await scene.ledger.refund(id, {
            ...operation,
            actor: 'grace',
            reason: 'too much',
            details: {},
          });
        }
        const { amounts } = await scene.ledger.refundsDue();
        expect(amounts).toContainEqual({ currency, amountMinor: Number(sum) });
        expect(await inBooks()).toEqual({ ...nothing, captured: sum, onItsWayBack: sum, paid: 0n });
        await scene.ledger.settleRefunds(orderIds.map((orderId) => ({ orderId, attempt: 1 })));
        expect(await inBooks()).toEqual({ ...nothing, captured: sum, refunded: sum, paid: 0n });
      },
      TIMEOUT_MS,
    );
  });
}
