import { expect, test } from 'bun:test';
import shapes from './shapes.json' with { type: 'json' };
import { agree, at, typeOf } from './shapes.ts';
import { startStripe } from './stand-in.ts';

/** Stripe's own examples say which fields there are and of which types; shapes.json has what we read in them, and where. */

test('objects have the fields of the examples that Stripe publishes, with their types', async () => {
  await using standIn = await startStripe();
  const stripe = standIn.client();
  const options = { amount: 500, currency: 'usd' };
  const intent = await stripe.paymentIntents.create(options);
  standIn.buyer.pay(intent.client_secret!, 'pm_card_visa');
  const { latest_charge } = await stripe.paymentIntents.retrieve(intent.id);
  const charge = await stripe.charges.retrieve(latest_charge as string);
  const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 100 });
  const objects: Readonly<Record<keyof typeof shapes, object>> = {
    payment_intent: intent,
    charge,
    refund,
    dispute: standIn.disputes.open(charge.id),
    event: (await stripe.events.list()).data[0]!,
    confirmation_token: standIn.buyer.createConfirmationToken('pm_card_visa'),
  };
  for (const [name, { fields }] of Object.entries(shapes)) {
    const object = objects[name as keyof typeof shapes];
    expect(at(object, 'object')).toBe(name);
    const wrong = Object.entries(fields).filter(([path, type]) => !agree(typeOf(at(object, path)), type));
    expect([name, wrong]).toEqual([name, []]);
  }
});
