import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { isAppError } from '../domain/errors.ts';
import type { ChargeRequest, PaymentProvider } from './provider.ts';

export interface ProviderUnderTest {
  readonly provider: PaymentProvider;
  /**
   * A request with a new key, made so that it comes to this end. `late`: the first ask is not answered in time, and the
   * charge is captured nevertheless; `lost`: no ask is ever answered, and nothing is charged.
   */
  request(fate: 'captured' | 'declined' | 'late' | 'lost'): ChargeRequest;
  /** Makes every call fail surely before anything is done. */
  setOutage(isOut: boolean): void;
}

/** What every adapter of the PaymentProvider port must keep. */
export function providerContract(name: string, make: () => Promise<ProviderUnderTest>): void {
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

    test('a decline gives its reason and is final', async () => {
      const request = made.request('declined');
      const first = await provider.charge(request);
      expect(first).toMatchObject({ type: 'declined', reason: expect.any(String) });
      expect(await provider.charge(request)).toEqual(first);
    });

    test('a charge cancelled before it was asked for is never captured', async () => {
      const request = made.request('captured');
      expect(await provider.cancel(request.key)).toEqual({ type: 'cancelled' });
      expect((await provider.charge(request)).type).toBe('declined');
      expect(await provider.cancel(request.key)).toEqual({ type: 'cancelled' });
    });

    test('a cancellation after the capture answers the capture', async () => {
      const request = made.request('captured');
      const answer = await provider.charge(request);
      expect(await provider.cancel(request.key)).toEqual(answer as { type: 'captured'; providerId: string });
    });

    test('a charge and its cancellation at the same time agree', async () => {
      const request = made.request('captured');
      const [charge, cancel] = await Promise.all([provider.charge(request), provider.cancel(request.key)]);
      expect(charge.type === 'captured').toBe(cancel.type === 'captured');
    });

    test('a charge without an answer is unknown; the same key asked again tells that it was captured', async () => {
      const request = made.request('late');
      expect(isAppError(await failure(provider.charge(request)), 'outcome_unknown')).toBe(true);
      const answer = await provider.charge(request);
      expect(answer.type).toBe('captured');
      expect(await provider.cancel(request.key)).toEqual(answer as { type: 'captured'; providerId: string });
    });

    test('a charge that is never answered can be cancelled, and is not captured then', async () => {
      const request = made.request('lost');
      expect(isAppError(await failure(provider.charge(request)), 'outcome_unknown')).toBe(true);
      expect(await provider.cancel(request.key)).toEqual({ type: 'cancelled' });
      expect((await provider.charge(request)).type).toBe('declined');
    });

    test('in an outage calls fail with `unavailable` and charge nothing; afterwards the same key works', async () => {
      const request = made.request('captured');
      made.setOutage(true);
      expect(isAppError(await failure(provider.charge(request)), 'unavailable')).toBe(true);
      expect(isAppError(await failure(provider.cancel(request.key)), 'unavailable')).toBe(true);
      made.setOutage(false);
      expect((await provider.charge(request)).type).toBe('captured');
    });
  });
}

/** The reason of a call that must fail. */
async function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    (answer) => {
      throw new Error(`Expected a failure, got ${JSON.stringify(answer)}`);
    },
    (reason) => reason,
  );
}
