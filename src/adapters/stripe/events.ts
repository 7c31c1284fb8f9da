import type Stripe from 'stripe';
import type { Clock } from '../../domain/clock.ts';
import type { EventFinding, ProviderEvent } from '../../ports/provider.ts';
import { hasCode, meaningOf } from './failure.ts';
import { type Ask, createIntents, keyOf, PAGE } from './intents.ts';

/** Stripe's own: a repeated event is signed anew, so an older signature is one that somebody has kept. */
const TOLERANCE_S = 300;

/** Events that may change what we know; any other is taken and left. */
const SUBJECTS: Readonly<Record<string, ProviderEvent['subject']>> = {
  'payment_intent.amount_capturable_updated': 'payment',
  'payment_intent.succeeded': 'payment',
  'payment_intent.canceled': 'payment',
  'charge.dispute.created': 'dispute',
  'charge.dispute.updated': 'dispute',
  'charge.dispute.closed': 'dispute',
  'charge.dispute.funds_withdrawn': 'dispute',
  'charge.dispute.funds_reinstated': 'dispute',
  'charge.refund.updated': 'refund',
  'refund.updated': 'refund',
  'refund.failed': 'refund',
};

const POLLED = [
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'refund.failed',
] satisfies Stripe.Event['type'][];

/** Events, of which nothing is believed but what they are about. */
export function createEvents(stripe: Stripe, secrets: readonly string[], now: Clock) {
  const intents = createIntents(stripe, now);

  async function verified(body: string, signature: string): Promise<Stripe.Event | null> {
    for (const secret of secrets) {
      try {
        // Bun's crypto has no synchronous HMAC that Stripe's client could use.
        return await stripe.webhooks.constructEventAsync(
          body,
          signature,
          secret,
          TOLERANCE_S,
          undefined,
          now(),
        );
      } catch {
        // Not with this secret.
      }
    }
    return null;
  }

  /** The charge of a dispute or a refund, which Stripe knows by the payment alone. */
  async function keyOfPayment(payment: string | { id: string } | null, ask: Ask): Promise<string | null> {
    if (payment === null) return null;
    return keyOf(await intents.retrieve(typeof payment === 'string' ? payment : payment.id, ask));
  }

  async function find({ subject, subjectId }: ProviderEvent, ask: Ask): Promise<EventFinding> {
    if (subject === 'payment') {
      const intent = await intents.retrieve(subjectId, ask);
      const key = keyOf(intent);
      return key === null ? NOTHING : { type: 'payment', key, providerId: intent.id };
    }
    if (subject === 'dispute') {
      const { id, status, payment_intent } = await stripe.disputes.retrieve(subjectId, {}, ask());
      const key = await keyOfPayment(payment_intent, ask);
      const state = DISPUTE_ENDS[status] ?? 'open';
      return key === null
        ? NOTHING
        : { type: 'trouble', key, trouble: { kind: 'dispute', state, providerId: id } };
    }
    const { id, status, payment_intent } = await stripe.refunds.retrieve(subjectId, {}, ask());
    if (status !== 'failed') return NOTHING;
    const key = await keyOfPayment(payment_intent, ask);
    return key === null
      ? NOTHING
      : { type: 'trouble', key, trouble: { kind: 'refund', state: 'failed', providerId: id } };
  }

  function readEvent(event: Stripe.Event): ProviderEvent {
    const object = event.data.object as { id?: unknown; metadata?: Stripe.Metadata | null };
    const subject = typeof object.id === 'string' ? (SUBJECTS[event.type] ?? 'other') : 'other';
    const key = subject === 'payment' ? keyOf({ metadata: object.metadata ?? {} }) : null;
    return { id: event.id, subject, subjectId: String(object.id), key };
  }

  return {
    async read(body: string, signature: string): Promise<ProviderEvent | null> {
      const event = await verified(body, signature);
      return event && readEvent(event);
    },

    async *since(fromMs: number, options: Stripe.RequestOptions): AsyncGenerator<ProviderEvent> {
      const created = { gte: Math.floor(fromMs / 1_000) };
      try {
        for await (const event of stripe.events.list({ created, types: POLLED, limit: PAGE }, options)) {
          yield readEvent(event);
        }
      } catch (error) {
        throw meaningOf(error);
      }
    },

    /** Of a subject that Stripe does not know there is nothing to be said: it is of another account. */
    lookInto: (event: ProviderEvent, ask: Ask): Promise<EventFinding> =>
      find(event, ask).catch((error) => {
        if (hasCode(error, 'resource_missing')) return NOTHING;
        throw error;
      }),
  };
}

const NOTHING: EventFinding = { type: 'nothing' };

/** A dispute that the customer withdrew, or that was prevented, costs nothing. */
const DISPUTE_ENDS: Readonly<Record<string, 'won' | 'lost'>> = {
  won: 'won',
  warning_closed: 'won',
  prevented: 'won',
  lost: 'lost',
};
