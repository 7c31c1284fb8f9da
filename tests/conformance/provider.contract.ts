import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { isAppError } from '../../src/domain/errors.ts';
import type {
  CaptureNotice,
  ChargeRequest,
  PaymentProvider,
  RefundRequest,
} from '../../src/ports/provider.ts';
import { until } from '../support/until.ts';

export interface ProviderUnderTest {
  readonly provider: PaymentProvider;
  /**
   * A request with a new key, made so that it comes to this end. `late`: the first ask is not answered in time, and the
   * charge is captured nevertheless; `lost`: no ask is ever answered, and nothing is charged; `told`: captured, and told of by
   * the company, too; `too_late`: no ask is ever answered, and it is captured after its cancellation was confirmed.
   */
  request(outcome: 'captured' | 'declined' | 'late' | 'lost' | 'told' | 'too_late'): ChargeRequest;
  /** Makes every call fail surely before anything is done. */
  setOutage(isOut: boolean): void | Promise<void>;
}

/**
 * What every adapter of the PaymentProvider port must keep. Where buyers pay, `charge` is asked after the buyer has paid; a decline is
 * then the buyer's to mend, and what the company tells comes as events.
 */
export function providerContract(
  name: string,
  make: () => Promise<ProviderUnderTest>,
  { buyerPays = false } = {},
): void {
  const testOfServer = buyerPays ? () => {} : test;
  describe(`${name} keeps the payment provider contract`, () => {
    let made: ProviderUnderTest;
    let provider: PaymentProvider;

    beforeEach(async () => {
      made = await make();
      provider = made.provider;
    });
    afterEach(() => provider.close());

    test('a charge is captured', async () => {
      const answer = await provider.charge(made.request('captured'));
      expect(answer).toMatchObject({ type: 'captured', providerId: expect.any(String) });
    });

    test('the same key charges once, one ask after the other', async () => {
      const request = made.request('captured');
      const first = await provider.charge(request);
      expect(await provider.charge(request)).toEqual(first);
    });

    test('the same key charges once, asked at the same time', async () => {
      const request = made.request('captured');
      const [first, ...others] = await Promise.all([1, 2, 3].map(() => provider.charge(request)));
      expect(first!.type).toBe('captured');
      for (const other of others) expect(other).toEqual(first!);
    });

    test('different keys are different charges', async () => {
      const answers = await Promise.all([1, 2].map(() => provider.charge(made.request('captured'))));
      expect(answers[0]).not.toEqual(answers[1]!);
    });

    testOfServer('a decline gives its reason and is final', async () => {
      const request = made.request('declined');
      const first = await provider.charge(request);
      expect(first).toMatchObject({ type: 'declined', reason: expect.any(String) });
      expect(await provider.charge(request)).toEqual(first);
    });

    test('a charge cancelled before it was asked for is never captured', async () => {
      const request = made.request('captured');
      expect(await provider.cancel(request)).toEqual({ type: 'cancelled' });
      expect((await provider.charge(request)).type).toBe('declined');
      expect(await provider.cancel(request)).toEqual({ type: 'cancelled' });
    });

    test('a cancellation after the capture answers the capture', async () => {
      const request = made.request('captured');
      const answer = await provider.charge(request);
      expect(await provider.cancel(request)).toEqual(answer as { type: 'captured'; providerId: string });
    });

    test('a charge and its cancellation at the same time agree', async () => {
      const request = made.request('captured');
      const [charge, cancel] = await Promise.all([provider.charge(request), provider.cancel(request)]);
      expect(charge.type === 'captured').toBe(cancel.type === 'captured');
    });

    test('a charge without an answer is unknown; the same key asked again tells that it was captured', async () => {
      const request = made.request('late');
      expect(isAppError(await failure(provider.charge(request)), 'outcome_unknown')).toBe(true);
      const answer = await provider.charge(request);
      expect(answer.type).toBe('captured');
      expect(await provider.cancel(request)).toEqual(answer as { type: 'captured'; providerId: string });
    });

    test('a charge that is never answered can be cancelled, and is not captured then', async () => {
      const request = made.request('lost');
      expect(isAppError(await failure(provider.charge(request)), 'outcome_unknown')).toBe(true);
      expect(await provider.cancel(request)).toEqual({ type: 'cancelled' });
      expect((await provider.charge(request)).type).toBe('declined');
    });

    test('in an outage calls fail with `unavailable` and charge nothing; afterwards the same key works', async () => {
      const request = made.request('captured');
      await made.setOutage(true);
      expect(isAppError(await failure(provider.charge(request)), 'unavailable')).toBe(true);
      expect(isAppError(await failure(provider.cancel(request)), 'unavailable')).toBe(true);
      await made.setOutage(false);
      expect((await provider.charge(request)).type).toBe('captured');
    });

    test('a capture is given back, once per key, one ask after the other or at the same time', async () => {
      const refund = await captureToRefund();
      const first = await provider.refund(refund);
      expect(first).toEqual({ type: 'refunded', refundId: expect.any(String) });
      expect(await Promise.all([provider.refund(refund), provider.refund(refund)])).toEqual([first, first]);
    });

    test('different captures are different refunds', async () => {
      const [one, other] = [await captureToRefund(), await captureToRefund()];
      expect(await provider.refund(one)).not.toEqual(await provider.refund(other));
    });

    test('a charge that was given back is not charged again by its key', async () => {
      const refund = await captureToRefund();
      await provider.refund(refund);
      const { orderId, amountMinor, currency } = refund;
      const again = { key: refund.chargeKey, orderId, amountMinor, currency, customer: null };
      expect(await provider.charge(again)).toEqual({ type: 'captured', providerId: refund.providerId });
    });

    test('in an outage refunds fail with `unavailable`; afterwards the same key works', async () => {
      const refund = await captureToRefund();
      await made.setOutage(true);
      expect(isAppError(await failure(provider.refund(refund)), 'unavailable')).toBe(true);
      await made.setOutage(false);
      expect((await provider.refund(refund)).type).toBe('refunded');
    });

    testOfServer('a capture that the company tells of by itself names its charge', async () => {
      const told: CaptureNotice[] = [];
      provider.onCapture(async (capture) => void told.push(capture));
      const request = made.request('told');
      const answer = await provider.charge(request);
      await until(() => told.length > 0);
      expect({ type: 'captured', ...told[0] }).toEqual({ ...answer, key: request.key } as never);
    });

    testOfServer('a capture is told again until its listener has taken it', async () => {
      let tries = 0;
      let taken = 0;
      provider.onCapture(async () => {
        if (++tries <= 3) throw new Error('not now');
        taken++;
      });
      await provider.charge(made.request('told'));
      await until(() => taken > 0);
    });

    testOfServer('a capture that came before its listener is told to it', async () => {
      await provider.charge(made.request('told'));
      const told = Promise.withResolvers<void>();
      provider.onCapture(async () => told.resolve());
      await told.promise;
    });

    testOfServer('a capture after a confirmed cancellation is told, and can be given back', async () => {
      const told = Promise.withResolvers<CaptureNotice>();
      provider.onCapture(async (capture) => told.resolve(capture));
      const request = made.request('too_late');
      expect(isAppError(await failure(provider.charge(request)), 'outcome_unknown')).toBe(true);
      expect(isAppError(await failure(provider.charge(request)), 'outcome_unknown')).toBe(true);
      expect(await provider.cancel(request)).toEqual({ type: 'cancelled' });
      const { key, providerId } = await told.promise;
      expect(key).toBe(request.key);
      expect((await provider.refund(refundOf(request, providerId))).type).toBe('refunded');
    });

    async function captureToRefund(): Promise<RefundRequest> {
      const request = made.request('captured');
      const answer = await provider.charge(request);
      return refundOf(request, (answer as { providerId: string }).providerId);
    }
  });
}

function refundOf({ key, orderId, amountMinor, currency }: ChargeRequest, providerId: string): RefundRequest {
  return { key: `${key}:refund`, chargeKey: key, providerId, orderId, amountMinor, currency };
}

/** The reason of a call that must fail. */
export async function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    (answer) => {
      throw new Error(`Expected a failure, got ${JSON.stringify(answer)}`);
    },
    (reason) => reason,
  );
}
