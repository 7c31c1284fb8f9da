import type Stripe from 'stripe';
import type { Clock } from '../../../src/domain/clock.ts';
import { TEST_CARDS, type TestCard } from './cards.ts';
import { newId } from './objects.ts';
import { resourceMissing, StripeRefusal } from './refusals.ts';

/** What Stripe has on disk, here in memory: its objects, its events, and what it will do at a later time of its clock. */
export interface Company {
  readonly intents: Map<string, Stripe.PaymentIntent>;
  readonly charges: Map<string, Stripe.Charge>;
  readonly refunds: Map<string, Stripe.Refund>;
  readonly disputes: Map<string, Stripe.Dispute>;
  readonly tokens: Map<string, Stripe.ConfirmationToken>;
  /** The card behind a payment method or a confirmation token, by its id or by the name of a test card. */
  readonly cards: Map<string, TestCard>;
  /** The oldest first. */
  readonly events: Stripe.Event[];
  /** The request that is being executed; null while Stripe acts of its own accord. */
  request: Stripe.Event.Request | null;
  /** Seconds since the Unix epoch. */
  now(): number;
  /** Records what happened to an object, as it is now, and reports it to the listener. */
  record(type: Stripe.Event.Type, object: Stripe.Event.Data.Object): void;
  /** Does something after so many seconds of the clock, once somebody calls `passTime`. */
  after(seconds: number, action: () => void): void;
  /** Does what is due by now. */
  passTime(): void;
}

/** Things that Stripe does later, at most; a test that needs more has a loop that does not end. */
const AGENDA_MAX = 1_000_000;

export function createCompany(
  clock: Clock,
  apiVersion: string,
  onEvent: (event: Stripe.Event) => void,
): Company {
  let agenda: { readonly at: number; readonly action: () => void }[] = [];
  const company: Company = {
    intents: new Map(),
    charges: new Map(),
    refunds: new Map(),
    disputes: new Map(),
    tokens: new Map(),
    cards: new Map(Object.entries(TEST_CARDS)),
    events: [],
    request: null,
    now: () => Math.floor(clock() / 1_000),
    record(type, object) {
      const event = {
        id: newId('evt'),
        object: 'event',
        api_version: apiVersion,
        created: company.now(),
        data: { object: structuredClone(object) },
        livemode: false,
        pending_webhooks: 1,
        request: company.request ?? { id: null, idempotency_key: null },
        type,
      } as Stripe.Event;
      company.events.push(event);
      onEvent(event);
    },
    after(seconds, action) {
      if (agenda.length >= AGENDA_MAX) throw new Error('The agenda of the stand-in is full.');
      agenda.push({ at: company.now() + seconds, action });
    },
    passTime() {
      const now = company.now();
      const due = agenda.filter(({ at }) => at <= now);
      if (due.length === 0) return;
      agenda = agenda.filter(({ at }) => at > now);
      const { request } = company;
      company.request = null;
      for (const { action } of due.sort((a, b) => a.at - b.at)) action();
      company.request = request;
    },
  };
  return company;
}

/** The object of this id, or Stripe's answer that there is none; `status` is 404 for one in the path. */
export function find<T>(
  objects: Map<string, T>,
  kind: string,
  id: string,
  param = 'intent',
  status = 404,
): T {
  const object = objects.get(id);
  if (object === undefined) throw resourceMissing(kind, id, param, status);
  return object;
}

export function latestCharge(company: Company, intent: Stripe.PaymentIntent): Stripe.Charge {
  return company.charges.get(intent.latest_charge as string)!;
}

/** Rejects a currency that Stripe does not have, with the words of Stripe. */
export function checkedCurrency(currency: string): string {
  if (!/^[a-z]{3}$/i.test(currency)) {
    const message = `Invalid currency: ${currency}.`;
    throw new StripeRefusal(400, { type: 'invalid_request_error', message, param: 'currency' }, false);
  }
  return currency.toLowerCase();
}
