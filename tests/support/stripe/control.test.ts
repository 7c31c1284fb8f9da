import { expect, test } from 'bun:test';
import { openControl } from './control.ts';
import { failureOf } from './failure.ts';
import { startStripe } from './stand-in.ts';

test('faults, the clock, the buyer and the bank are controlled over HTTP', async () => {
  await using standIn = await startStripe();
  await using control = openControl(standIn);
  const stripe = standIn.client();
  const post = async (path: string, body: object = {}) => {
    const answer = await fetch(control.url + path, { method: 'POST', body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  };
  const create = () =>
    stripe.paymentIntents.create({ amount: 500, currency: 'usd', allowed_payment_method_types: ['card'] });

  await post('/faults', { kind: 'error_before', times: 1 });
  expect((await failureOf(create())).statusCode).toBe(500);
  await post('/outage', { isOut: true });
  expect((await failureOf(create())).type).toBe('StripeConnectionError');
  await post('/outage', { isOut: false });
  const intent = await create();
  const card = { clientSecret: intent.client_secret, paymentMethod: 'pm_card_authenticationRequired' };
  expect((await post('/pay', card)).body.paymentIntent.status).toBe('requires_action');
  const paid = await post('/authenticate', { intentId: intent.id, isPassed: true });
  expect(paid.body.status).toBe('succeeded');
  const dispute = await post('/disputes', { chargeId: paid.body.latest_charge });
  const closed = await post('/disputes/close', { disputeId: dispute.body.id, status: 'lost' });
  expect(closed.body.status).toBe('lost');
  expect((await post('/money', { currency: 'USD' })).body).toEqual({ capturedMinor: 500, refundedMinor: 0 });
  expect(await post('/faults', { kind: 'flood' })).toMatchObject({
    status: 400,
    body: { message: expect.stringContaining('kind: flood') },
  });
});
