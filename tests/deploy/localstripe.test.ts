import { afterAll, expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import Stripe from 'stripe';
import { freePorts } from '../../bench/services/ports.ts';
import { MACHINE } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { installPython } from '../support/python.ts';
import { agree, typeOf } from '../support/stripe/shapes.ts';
import { startStripe } from '../support/stripe/stand-in.ts';
import { until } from '../support/until.ts';

/**
 * Our stand-in for Stripe beside one that others wrote: localstripe, a program of its own under the GPL, which is run and never
 * linked. It is of an older version, knows no idempotency keys, and takes `payment_method_types` only.
 */

const LOCALSTRIPE = 'localstripe==1.15.10';
/** Where it keeps its state, whatever its settings. */
const STATE = '/tmp/localstripe.pickle';
const folder = temporaryFolder();
const python = await installPython(LOCALSTRIPE, folder.path);

afterAll(() => folder[Symbol.dispose]());

test.skipIf(python === null)(
  'the same calls get answers whose common fields agree',
  async () => {
    const [port] = await freePorts(1);
    const child = Bun.spawn(['python3', '-m', 'localstripe', '--port', `${port}`, '--from-scratch'], {
      env: { ...MACHINE, ...python },
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'ignore',
    });
    await using standIn = await startStripe();
    try {
      const other = new Stripe('sk_test_other', {
        host: '127.0.0.1',
        port: port!,
        protocol: 'http',
        maxNetworkRetries: 0,
        telemetry: false,
      });
      await until(() =>
        other.events.list().then(
          () => true,
          () => false,
        ),
      );
      const [ours, theirs] = [
        await walk(standIn.client(), { allowed_payment_method_types: ['card'] }),
        await walk(other, { payment_method_types: ['card'] } as object),
      ];
      expect(Object.keys(ours)).toEqual(Object.keys(theirs));
      for (const [step, object] of Object.entries(ours)) {
        const common = Object.keys(theirs[step]!).filter((name) => name in object);
        expect([step, common.length > 5 || 'few']).toEqual([step, true]);
        const differing = common.filter((name) => !agree(kindOf(object[name]), kindOf(theirs[step]![name])));
        expect([step, differing]).toEqual([step, []]);
        for (const name of SAME) {
          if (common.includes(name))
            expect([step, name, object[name]]).toEqual([step, name, theirs[step]![name]]);
        }
      }
    } finally {
      child.kill();
      await child.exited;
      rmSync(STATE, { force: true });
    }
  },
  120_000,
);

/** Its type; an object in the place of its id counts as the id, as localstripe expands what nobody asked for. */
function kindOf(value: unknown): string {
  return typeof (value as { id?: unknown } | null)?.id === 'string' ? 'string' : typeOf(value);
}

/** Fields whose values have to be the same, too. */
const SAME = [
  'object',
  'amount',
  'amount_refunded',
  'capture_method',
  'captured',
  'currency',
  'paid',
  'refunded',
  'status',
];

type Answers = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What one company answers to each step of two payments. */
async function walk(stripe: Stripe, types: object): Promise<Answers> {
  const base = { amount: 500, currency: 'usd', metadata: { order: 'o-1' }, ...types };
  const confirm = { confirm: true, payment_method: 'pm_card_visa' };
  const created = await stripe.paymentIntents.create(base);
  const cancelled = await stripe.paymentIntents.cancel(created.id);
  const manual = await stripe.paymentIntents.create({ ...base, ...confirm, capture_method: 'manual' });
  const authorized = await chargeOf(manual);
  const captured = await stripe.paymentIntents.capture(manual.id, { amount_to_capture: 300 });
  const paid = await stripe.paymentIntents.create({ ...base, ...confirm, capture_method: 'automatic' });
  const refund = await stripe.refunds.create({ payment_intent: paid.id, amount: 200 });
  const missing = await stripe.paymentIntents.retrieve('pi_nobody').catch((error) => error);
  const answers = {
    created,
    cancelled,
    manual,
    authorized,
    captured,
    capturedCharge: await chargeOf(manual),
    paid,
    refund,
    refundedCharge: await chargeOf(paid),
  };
  expect(missing).toMatchObject({ statusCode: 404, type: 'StripeInvalidRequestError' });
  return answers as unknown as Answers;

  async function chargeOf({ id }: Stripe.PaymentIntent): Promise<Stripe.Charge> {
    const { latest_charge } = await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] });
    return latest_charge as Stripe.Charge;
  }
}
