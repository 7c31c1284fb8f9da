import Type from 'typebox';
import { Compile } from 'typebox/compile';
import type { AuditEntry } from '../../domain/audit-entry.ts';
import { AppError } from '../../domain/errors.ts';
import type { Order, OrderStatus } from '../../domain/order.ts';
import { within } from '../../lib/within.ts';
import type { Canceller } from '../../ports/payments.ts';
import type { OrderView } from '../../ports/queries.ts';
import { type Caller, NOT_KNOWN, NOT_THEIRS, OPERATOR } from '../buyers/buyers.ts';
import type { OrderCode } from '../codes.ts';
import { readCheckedBody } from '../json-body.ts';
import { countCancel } from '../limits/purchases.ts';
import { newAuditEntry, OPERATOR_EXPECTED, readOperator, readOperatorRequest } from '../operator-request.ts';
import { operatorRoutes } from '../operator-routes.ts';
import { CUSTOMER_EXPECTED, canonicalCustomer, customerOf, notTheCaller } from '../purchase-request.ts';
import { json, problem } from '../respond.ts';
import { jsonAnswer, type Route, routesOf } from '../route.ts';
import { Reason, shape, UserId } from '../schemas.ts';
import type { Service } from '../service.ts';
import { NOT_STORED } from './inputs.ts';
import {
  CANCELLED,
  ORDER,
  OrderAnswer,
  orderIdIn,
  PAID,
  REFUNDED,
  REFUNDING,
  shownOrder,
} from './order-answer.ts';
import { createPendingOrders, noSuchOrder } from './pending-orders.ts';

type OrderRequest = Request & { readonly params: { readonly orderId: string } };
type Server = Bun.Server<unknown>;

const CancelBody = shape(
  'CancelRequest',
  'A buyer names the userId that the order was bought with, if it was bought with one. An operator gives a reason instead.',
  { userId: Type.Optional(UserId), reason: Type.Optional(Reason) },
);
const checkCancelBody = Compile(CancelBody);
const checkOperatorCancelBody = Compile(Type.Object({ reason: Reason }));
const RefundBody = shape('RefundRequest', '', { reason: Reason });

/** Buyers cancel what is theirs. */
const OR_OPERATORS = { role: 'operator', orOthers: true } as const;

const route = routesOf('orders', 'problem');

/** Orders as their buyers read and end them. */
export function createOrderRoutes(service: Service): Route[] {
  const { acting } = operatorRoutes('orders', 'problem', service);
  const { ledger, ids, purchaseTimeoutMs, buyers, limits = null } = service;
  const { withoutOrder, pendingOrNone } = createPendingOrders(service);
  const { buyerPayments, providerTimeoutMs } = service;

  function read(req: OrderRequest, server: Server): Promise<Response> {
    const late = () => new AppError('unavailable', 'The order could not be read in time.');
    return within(readNow(req, server), purchaseTimeoutMs, late);
  }

  async function readNow(req: OrderRequest, server: Server): Promise<Response> {
    const caller = await buyers.identify(req, server, problem);
    if (caller instanceof Response) return caller;
    const orderId = orderIdIn(req);
    const view = ids.read(orderId) && (await ledger.order(orderId));
    if (view) return seenBy(caller, view, req);
    switch (await withoutOrder(orderId, caller)) {
      case 'pending':
        return json({ orderId, status: 'pending' }, 200, NOT_STORED);
      case 'ordered':
        return seenBy(caller, (await ledger.order(orderId))!, req);
      case 'none':
        return noSuchOrder(req);
    }
  }

  /** An order of somebody else counts as none. */
  function seenBy(caller: Caller, view: OrderView, req: Request): Response {
    return buyers.owns(caller, view.order.customer)
      ? json(shownOrder(view), 200, NOT_STORED)
      : noSuchOrder(req);
  }

  async function cancel(req: OrderRequest, server: Server): Promise<Response> {
    const caller = await buyers.identify(req, server, problem);
    if (caller instanceof Response) return caller;
    const by = await readCanceller(req, server, caller);
    return by instanceof Response
      ? by
      : inTime(cancelNow(req, by, caller), purchaseTimeoutMs + providerTimeoutMs);
  }

  async function cancelNow(req: OrderRequest, by: Canceller, caller: Caller): Promise<Response> {
    const orderId = orderIdIn(req);
    let ended = ids.read(orderId) ? await ledger.cancel(orderId, by) : UNKNOWN;
    // A payment that its buyer has not made yet ends first, for certain.
    if (
      ended.kind === 'refused' &&
      ended.order.status === 'charging' &&
      (await buyerPayments?.cancel(orderId))
    )
      ended = await ledger.cancel(orderId, by);
    switch (ended.kind) {
      case 'done':
        if ('customer' in by && ended.changes.orders.length > 0)
          countCancel(limits, by.customer, ended.order.productId);
        return asItStands(orderId, 200);
      case 'refused':
        return cannotCancel(req, ended.order);
      case 'unknown_order':
        return pendingOrNone(req, orderId, caller);
    }
  }

  /** A caller that gives a reason or brings an operator's token means to act as one; any other is a buyer. */
  async function readCanceller(
    req: OrderRequest,
    server: Server,
    caller: Caller,
  ): Promise<Canceller | Response> {
    const subject = `order/${orderIdIn(req)}`;
    const nothing = req.body === null;
    if (caller.kind !== 'customer' && req.headers.has('authorization')) {
      if (nothing) return readOperatorWithoutReason(req, server);
      const asked = await readOperatorRequest(
        req,
        server,
        service,
        OR_OPERATORS.role,
        checkOperatorCancelBody,
      );
      return asked instanceof Response ? asked : { entry: asked.entry('order.cancel', subject) };
    }
    if (nothing) return { customer: customerOf(caller, null) ?? null };
    const body = await readCheckedBody(req, checkCancelBody, CANCEL_EXPECTED, (checked) => checked);
    if (body instanceof Response) return body;
    const { userId, reason } = body;
    if (reason === undefined) {
      const customer = customerOf(caller, canonicalCustomer(userId));
      return customer === undefined ? notTheCaller(req, problem) : { customer };
    }
    const operator = await readOperator(req, server, service, OR_OPERATORS.role);
    if (operator instanceof Response) return operator;
    return { entry: newAuditEntry(operator.actor, 'order.cancel', subject, reason) };
  }

  async function readOperatorWithoutReason(req: Request, server: Server): Promise<Response> {
    const operator = await readOperator(req, server, service, OR_OPERATORS.role);
    if (operator instanceof Response) return operator;
    return problem(req, 'invalid_request', OPERATOR_EXPECTED.reason!, { field: 'reason' });
  }

  async function refundNow(req: OrderRequest, entry: AuditEntry): Promise<Response> {
    const orderId = orderIdIn(req);
    const ended = ids.read(orderId) ? await ledger.refund(orderId, entry) : UNKNOWN;
    if (ended.kind === 'unknown_order') return pendingOrNone(req, orderId, OPERATOR);
    const { status } = ended.order;
    // Money that came too late is on its way back without a request.
    if (ended.kind === 'refused' && status !== 'returning') {
      return problem(req, 'order_not_paid', `The order is ${status}: there is nothing to refund`);
    }
    if (status === 'refunded') return asItStands(orderId, 200);
    return asItStands(orderId, 202, { Location: `/api/v1/orders/${orderId}` });
  }

  /** Each of its steps may be done, and the backend of the next one silent. */
  function inTime(ending: Promise<Response>, withinMs = purchaseTimeoutMs): Promise<Response> {
    const late = () => new AppError('outcome_unknown', 'It may be done, and could not be found out in time.');
    return within(ending, withinMs, late);
  }

  async function asItStands(
    orderId: string,
    status: number,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const view = await ledger.order(orderId).catch((error) => {
      // The step before was committed, and `unavailable` would say that nothing was done.
      throw new AppError('outcome_unknown', 'It may be done, and the order cannot be read now.', {
        cause: error,
      });
    });
    return json(shownOrder(view!), status, { ...NOT_STORED, ...headers });
  }

  return [
    route('GET /api/v1/orders/:orderId', {
      id: 'readOrder',
      summary: 'Get order',
      description:
        "With its payments, whichever way it was bought. Where buyers are known, another buyer's order is `not_found`.",
      params: { orderId: ORDER },
      answers: {
        200: jsonAnswer('The order as it stands', OrderAnswer, { paid: PAID }),
        401: NOT_KNOWN,
        404: '`not_found`',
        503: '`unavailable`',
      },
      handle: read,
    }),
    route('POST /api/v1/orders/:orderId/cancel', {
      id: 'cancelOrder',
      summary: 'Cancel order',
      description:
        'For an order that is not paid. Its units are free again when this answers. Who brings a token or gives a reason calls as an operator, and may ' +
        'cancel any order, and has to give a reason. A buyer who bought without a userId need not send a body. Cancelling an ' +
        'order again answers the same.',
      access: OR_OPERATORS,
      params: { orderId: ORDER },
      body: { schema: CancelBody, example: { userId: 'ada' }, required: false },
      answers: {
        200: jsonAnswer('The order is cancelled', OrderAnswer, { cancelled: CANCELLED }),
        401: `${NOT_KNOWN}; or who means to act as an operator is none`,
        403: NOT_THEIRS,
        404: '`not_found`: there is no such order of this customer',
        409:
          '`order_charging` or `order_pending`: what is under way will be over soon. `order_paid`: ask for a refund. ' +
          '`order_declined`, `order_expired`, `order_refunding` or `order_refunded`: there is nothing left to cancel.',
      },
      handle: cancel,
    }),
    acting('POST /api/v1/orders/:orderId/refund', {
      role: 'operator',
      id: 'refundOrder',
      summary: 'Refund order',
      description:
        'Gives the money of a paid order back. The order is `refunding` until the payment company has carried it out, which may take long while the company is ' +
        'away, and then `refunded`; its units are free again then. Asking again refunds once.',
      params: { orderId: ORDER },
      body: { schema: RefundBody, example: { reason: 'It arrived broken' } },
      answers: {
        200: jsonAnswer('The money is back', OrderAnswer, { refunded: REFUNDED }),
        202: jsonAnswer('The money is on its way back', OrderAnswer, { refunding: REFUNDING }, ['Location']),
        404: '`not_found`',
        409: '`order_not_paid`: no money to give back. `order_pending`: not known yet',
      },
      handle: (asked, req) => inTime(refundNow(req, asked.entry('order.refund', `order/${orderIdIn(req)}`))),
    }),
  ];
}

const CANCEL_EXPECTED = { ...OPERATOR_EXPECTED, userId: CUSTOMER_EXPECTED };

const UNKNOWN = { kind: 'unknown_order' } as const;

function cannotCancel(req: Request, { status }: Order): Response {
  const [code, says] = CANNOT_CANCEL[status] ?? (['order_pending', 'The order is being changed'] as const);
  return problem(req, code, says);
}

const GOING_BACK = ['order_refunding', 'The order was paid, and its money is on its way back'] as const;

const CANNOT_CANCEL: Readonly<Partial<Record<OrderStatus, readonly [code: OrderCode, says: string]>>> = {
  charging: ['order_charging', 'The order is being charged; ask again when that is over'],
  paid: ['order_paid', 'The order is paid; an operator can refund it'],
  declined: ['order_declined', 'The order is over: its charge was declined'],
  expired: ['order_expired', 'The order is over: its hold ran out'],
  refunding: GOING_BACK,
  returning: GOING_BACK,
  refunded: ['order_refunded', 'The order is over: it was paid and refunded'],
};
