import type { Buyer } from './buyer.ts';
import type { Company } from './company.ts';
import { find } from './company.ts';
import type { createDisputes } from './disputes.ts';
import type { Form } from './form.ts';
import { type Intents, isIn } from './intents.ts';
import { page } from './lists.ts';
import { readParams, required } from './params.ts';
import type { createRefunds } from './refunds.ts';

export interface Resources {
  readonly company: Company;
  readonly intents: Intents;
  readonly refunds: ReturnType<typeof createRefunds>;
  readonly disputes: ReturnType<typeof createDisputes>;
  readonly buyer: Buyer;
}

/** What a route does with its parameters and with the id of its path, which is '' where it has none. */
export type Handler = (form: Form, id: string) => unknown;

/** Stripe keeps events for 30 days. */
const EVENT_SECONDS = 30 * 86_400;
const PAGE = { limit: 'string', starting_after: 'string', ending_before: 'string', expand: 'list' } as const;

/** All that the stand-in answers, by method and path. */
export function createRoutes({
  company,
  intents,
  refunds,
  disputes,
  buyer,
}: Resources): Record<string, Handler> {
  return {
    'POST /v1/payment_intents': intents.create,
    'GET /v1/payment_intents': (form) => {
      readParams(form, { ...PAGE, created: 'range', customer: 'string' });
      return page(intents.list(form), '/v1/payment_intents', form);
    },
    'GET /v1/payment_intents/:id': (_form, id) => intents.get(id),
    'POST /v1/payment_intents/:id': (form, id) => intents.update(id, form),
    'POST /v1/payment_intents/:id/confirm': (form, id) => intents.confirm(id, form),
    'POST /v1/payment_intents/:id/capture': (form, id) => intents.capture(id, form),
    'POST /v1/payment_intents/:id/cancel': (form, id) => intents.cancel(id, form),
    'GET /v1/charges/:id': (_form, id) => find(company.charges, 'charge', id, 'charge'),
    'POST /v1/refunds': refunds.create,
    'GET /v1/refunds': (form) => {
      readParams(form, { ...PAGE, payment_intent: 'string', charge: 'string' });
      return page(refunds.list(form), '/v1/refunds', form);
    },
    'GET /v1/refunds/:id': (_form, id) => refunds.get(id),
    'GET /v1/disputes': (form) => {
      readParams(form, { ...PAGE, payment_intent: 'string', charge: 'string' });
      return page(disputes.list(form), '/v1/disputes', form);
    },
    'GET /v1/disputes/:id': (_form, id) => disputes.get(id),
    'GET /v1/events': (form) => page(events(company, form), '/v1/events', form),
    'GET /v1/events/:id': (_form, id) =>
      find(new Map(company.events.map((event) => [event.id, event])), 'event', id, 'id'),
    'GET /v1/confirmation_tokens/:id': (_form, id) =>
      find(company.tokens, 'confirmation_token', id, 'confirmation_token'),
    'POST /v1/test_helpers/confirmation_tokens': (form) => {
      const { payment_method, return_url } = readParams(form, {
        payment_method: 'string',
        return_url: 'string',
        expand: 'list',
      });
      const options = return_url === undefined ? {} : { returnUrl: return_url };
      return buyer.createConfirmationToken(required(payment_method, 'payment_method'), options);
    },
  };
}

function events(company: Company, form: Form) {
  const {
    created = {},
    type,
    types,
  } = readParams(form, {
    ...PAGE,
    created: 'range',
    type: 'string',
    types: 'list',
    delivery_success: 'boolean',
  });
  const wanted = types ?? (type === undefined ? null : [type]);
  const oldest = company.now() - EVENT_SECONDS;
  return company.events.filter(
    (event) =>
      event.created > oldest && isIn(event.created, created) && (!wanted || wanted.includes(event.type)),
  );
}
