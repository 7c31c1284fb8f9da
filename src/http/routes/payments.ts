import Type from 'typebox';
import { Compile } from 'typebox/compile';
import type { Opening } from '../../app/payments/buyer-payments.ts';
import type { AuditEntry } from '../../domain/audit-entry.ts';
import { AppError } from '../../domain/errors.ts';
import { amountMinor, type Order, type OrderStatus } from '../../domain/order.ts';
import { within } from '../../lib/within.ts';
import { type Confirmation, OPENED_STATUSES } from '../../ports/provider.ts';
import type { OrderView } from '../../ports/queries.ts';
import { type Caller, NOT_KNOWN, OPERATOR } from '../buyers/buyers.ts';
import type { OrderCode } from '../codes.ts';
import { readCheckedBody, readTextBody } from '../json-body.ts';
import { overLimit } from '../limits/refusal.ts';
import { operatorRoutes } from '../operator-routes.ts';
import { isoTime, json, problem } from '../respond.ts';
import { jsonAnswer, type Route, routesOf } from '../route.ts';
import { AmountMinor, Currency, closed, Reason, shape, Uuid } from '../schemas.ts';
import type { Service } from '../service.ts';
import { NOT_STORED } from './inputs.ts';
import { ORDER, ORDER_ID, orderIdIn } from './order-answer.ts';
import { createPendingOrders, noSuchOrder } from './pending-orders.ts';

type OrderRequest = Request & { readonly params: { readonly orderId: string } };
type Server = Bun.Server<unknown>;

const ReturnUrl = Type.String({
  pattern: '^https?://[!-~]{1,2000}$',
  description: 'Where the buyer comes back from a page of the bank',
});

const PaymentBody = closed(
  'PaymentRequest',
  'Nothing, where the page pays by `clientSecret`; or what is to be confirmed by the server.',
  {
    confirmationToken: Type.Optional(
      Type.String({
        pattern: '^ctoken_[A-Za-z0-9_]{1,240}$',
        description: 'What the page of the buyer has collected',
      }),
    ),
    returnUrl: Type.Optional(ReturnUrl),
  },
);
const checkPaymentBody = Compile(PaymentBody);

const ChargeBody = closed('ChargeRequest', '', {
  paymentMethod: Type.String({
    pattern: '^(pm|card)_[A-Za-z0-9_]{1,240}$',
    description: 'What the shop has saved of the buyer at the payment company',
  }),
  customer: Type.Optional(
    Type.String({ pattern: '^cus_[A-Za-z0-9_]{1,240}$', description: 'Whose it is there' }),
  ),
  returnUrl: ReturnUrl,
  reason: Reason,
});

const EXPECTED: Readonly<Record<string, string>> = {
  confirmationToken: 'confirmationToken must be the id of a ConfirmationToken, ctoken_…, or absent',
  returnUrl: 'returnUrl must be a whole address of at most 2,000 characters, or absent',
  paymentMethod: 'paymentMethod must be the id of a saved PaymentMethod, pm_…',
  customer: 'customer must be the id of a Customer, cus_…, or absent',
};

const EXPECTED_TO_CHARGE = {
  ...EXPECTED,
  returnUrl:
    'returnUrl must be a whole address of at most 2,000 characters, which the payment company wants for every means of paying',
};

const PaymentAnswer = shape('Payment', 'The payment of an order, for the page on which its buyer pays.', {
  orderId: Uuid,
  status: Type.Enum([...OPENED_STATUSES], {
    description:
      '`open`: the buyer has to pay. `action`: the buyer has to prove something first, which the page asks for with `clientSecret`. ' +
      'From `processing` on there is nothing more to do: read the order until it is `paid`.',
  }),
  clientSecret: Type.String({ description: 'For the page of this buyer alone' }),
  publishableKey: Type.String(),
  amountMinor: AmountMinor,
  currency: Currency,
  holdEndsAt: Type.String({
    format: 'date-time',
    description: 'What is not authorised by then is cancelled',
  }),
});

const EventAnswer = shape('PaymentEventTaken', '', { received: Type.Boolean() });

/** Larger than any event of Stripe, which holds one object of a payment. */
const EVENT_BYTES_MAX = 256 * 1024;
/** The company counts an answer that takes longer as none, and comes again. */
const EVENT_ANSWER_MS = 1_000;

const route = routesOf('orders', 'problem');

/** How buyers pay at the company, and what the company tells. */
export function createPaymentRoutes(service: Service): Route[] {
  const {
    ledger,
    ids,
    clock,
    buyers,
    buyerPayments,
    providerTimeoutMs,
    purchaseTimeoutMs,
    limits = null,
  } = service;
  const { pendingOrNone } = createPendingOrders(service);
  const { acting } = operatorRoutes('orders', 'problem', service);

  async function pay(req: OrderRequest, server: Server): Promise<Response> {
    const caller = await buyers.identify(req, server, problem);
    if (caller instanceof Response) return caller;
    const confirmation = await readConfirmation(req);
    return confirmation instanceof Response ? confirmation : payAs(req, caller, confirmation);
  }

  async function readConfirmation(req: Request): Promise<Confirmation | null | Response> {
    if (req.body === null) return null;
    return readCheckedBody(
      req,
      checkPaymentBody,
      EXPECTED,
      ({ confirmationToken: token, returnUrl = null }) =>
        token === undefined ? null : ({ type: 'token', token, returnUrl } as const),
    );
  }

  async function payAs(
    req: OrderRequest,
    caller: Caller,
    confirmation: Confirmation | null,
    entry: AuditEntry | null = null,
  ): Promise<Response> {
    const orderId = orderIdIn(req);
    const view = ids.read(orderId) && (await ledger.order(orderId));
    if (!view) return pendingOrNone(req, orderId, caller);
    if (!buyers.owns(caller, view.order.customer)) return noSuchOrder(req);
    const refusal = caller.kind === 'operator' ? null : overPayments(req, orderId);
    if (refusal) return refusal;
    // Before it is done: what was done is then surely written down.
    if (entry) await ledger.log(entry);
    const late = () => new AppError('outcome_unknown', 'The payment company did not answer in time.');
    return within(payNow(req, view, confirmation), providerTimeoutMs + purchaseTimeoutMs, late);
  }

  /** Each call is one of the company's, which takes some dozens a second of the whole shop: as many for one order as a customer has purchases. */
  function overPayments(req: Request, orderId: string): Response | null {
    const rate = limits?.rates['purchase-customer'];
    const wait = rate?.take(`order ${orderId}`, limits!.nowUs()) ?? 0;
    if (!rate || wait === 0 || limits!.isExempt(req)) return null;
    limits!.refused(rate.name, req);
    return overLimit(req, rate, wait, 'problem');
  }

  async function payNow(req: Request, view: OrderView, confirmation: Confirmation | null): Promise<Response> {
    const opening: Opening = (await buyerPayments?.open(view, confirmation)) ?? { kind: 'by_the_server' };
    switch (opening.kind) {
      case 'by_the_server':
        return problem(req, 'payment_not_needed', 'The server charges this order by itself');
      case 'unpayable':
        return problem(req, 'payment_declined', `The amount cannot be paid: ${opening.why}`);
      case 'refused':
        return cannotPay(req, opening.order);
      case 'opened':
        return opening.payment.declined === null ? opened(opening) : declined(req, opening);
    }
  }

  function cannotPay(req: Request, { status, expiresAt }: Order): Response {
    const [code, says] = CANNOT_PAY[status] ?? (clock() < expiresAt ? BUSY : HOLD_OVER);
    return problem(req, code, says);
  }

  function opened({ order, payment }: Extract<Opening, { kind: 'opened' }>): Response {
    const body = {
      orderId: order.id,
      status: payment.status,
      clientSecret: payment.clientSecret,
      publishableKey: buyerPayments!.publishableKey,
      amountMinor: amountMinor(order),
      currency: order.currency,
      holdEndsAt: isoTime(order.expiresAt),
    };
    return json(body, 200, NOT_STORED);
  }

  /** An answer from 400 on makes the company come again, for days. */
  async function takeEvent(req: Request): Promise<Response> {
    if (buyerPayments === null) return problem(req, 'not_found', 'No payment company tells of events here');
    const signature = req.headers.get('stripe-signature') ?? '';
    const body = await readTextBody(req, problem, EVENT_BYTES_MAX);
    if (body instanceof Response) return body;
    const late = () => new AppError('unavailable', 'The event could not be written down in time.');
    if (await within(buyerPayments.takeEvent(body, signature), EVENT_ANSWER_MS, late)) {
      return json({ received: true }, 200, NOT_STORED);
    }
    return problem(req, 'invalid_request', "The signature is not the payment company's, or too old", {
      field: 'Stripe-Signature',
    });
  }

  return [
    route('POST /api/v1/orders/:orderId/payment', {
      id: 'payOrder',
      summary: 'Pay order',
      description:
        'Where buyers pay at the payment company themselves. The first call makes the payment, of exactly the amount of the order; each further one ' +
        'answers the same payment as it is now. The page pays with `clientSecret`; or it collects a `confirmationToken`, and the server ' +
        'confirms. Money is taken only while the order holds its units: authorised first, then captured, else cancelled.',
      params: { orderId: ORDER },
      body: { schema: PaymentBody, example: { confirmationToken: 'ctoken_1SabcDEF' }, required: false },
      answers: {
        200: jsonAnswer('The payment as it is now', PaymentAnswer, { open: OPEN }),
        401: NOT_KNOWN,
        404: '`not_found`: there is no such order of this customer',
        409:
          '`payment_declined`: the buyer may try another card. `payment_not_needed`: the server charges orders here. `order_pending` or `order_charging`: ask again. `order_paid`, ' +
          '`order_declined`, `order_expired`, `order_cancelled`, `order_refunding` or `order_refunded`: there is nothing to pay',
        503: '`unavailable`; `outcome_unknown`: send it again, it pays once',
      },
      handle: pay,
    }),
    acting('POST /api/v1/orders/:orderId/charge', {
      id: 'chargeOrder',
      role: 'operator',
      summary: 'Charge order',
      description:
        "Pays an order with what the shop has saved of its buyer at the payment company, without the buyer. For the shop's own server. The order is `paid` soon after it is `authorised`.",
      params: { orderId: ORDER },
      body: {
        schema: ChargeBody,
        example: {
          paymentMethod: 'pm_1SabcDEF',
          customer: 'cus_SabcDEF',
          returnUrl: 'https://shop.example/paid',
          reason: 'a subscription',
        },
        expected: EXPECTED_TO_CHARGE,
      },
      answers: {
        200: jsonAnswer('The payment as it is now', PaymentAnswer, {
          authorised: { ...OPEN, status: 'authorised' },
        }),
        404: '`not_found`',
        409: 'As `payOrder`; `payment_declined`: also where the bank wants its customer to be there',
        503: '`unavailable`; `outcome_unknown`: send it again, it pays once',
      },
      handle(asked, req) {
        const { paymentMethod, customer = null, returnUrl } = asked.body;
        const entry = asked.entry('order.charge', `order/${orderIdIn(req)}`, { paymentMethod });
        return payAs(req, OPERATOR, { type: 'saved', paymentMethod, customer, returnUrl }, entry);
      },
    }),
    route('POST /api/v1/payments/events', {
      id: 'takePaymentEvent',
      summary: 'Take event of the payment company',
      description:
        'For Stripe alone, which signs what it tells. An event is a hint: what it is about is read at Stripe. Events that are none of ours are taken, too, and left.',
      headers: {
        'Stripe-Signature': {
          schema: { type: 'string' },
          required: true,
          description: "Stripe's signature of the body, at most five minutes old",
        },
      },
      body: { schema: Type.Object({}), example: { id: 'evt_1SabcDEF', type: 'payment_intent.succeeded' } },
      answers: {
        200: jsonAnswer('It is written down, or was before', EventAnswer, { taken: { received: true } }),
        404: '`not_found`: payments are simulated here',
        503: '`unavailable`: it is to be sent again',
      },
      limitsItself: true,
      handle: takeEvent,
    }),
  ];
}

function declined(req: Request, { payment }: Extract<Opening, { kind: 'opened' }>): Response {
  return problem(req, 'payment_declined', payment.declined!);
}

const CANNOT_PAY: Readonly<Partial<Record<OrderStatus, readonly [code: OrderCode, says: string]>>> = {
  paid: ['order_paid', 'The order is paid'],
  declined: ['order_declined', 'The order is over: its charge was declined'],
  cancelled: ['order_cancelled', 'The order is over: it was cancelled'],
  refunding: ['order_refunding', 'The order was paid, and its money is on its way back'],
  returning: ['order_refunding', 'The order is over, and its money is on its way back'],
  refunded: ['order_refunded', 'The order is over: it was paid and refunded'],
};

const BUSY = ['order_charging', 'Another call changes the order; ask again'] as const;
const HOLD_OVER = ['order_expired', 'The hold of the order has run out'] as const;

const OPEN = {
  orderId: ORDER_ID,
  status: 'open',
  clientSecret: 'pi_3SabcDEF_secret_GHIjkl',
  publishableKey: 'pk_test_51SabcDEF',
  amountMinor: 199999,
  currency: 'USD',
  holdEndsAt: '2026-11-22T16:30:14.796Z',
};
