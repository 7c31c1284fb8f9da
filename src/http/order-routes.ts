import { amountMinor } from '../domain/order.ts';
import { isoTime, json, problem } from './respond.ts';
import type { Service } from './service.ts';

type OrderRequest = Request & { readonly params: { readonly orderId: string } };

/** Orders as their buyers read them. The customer is not shown: who has the id need not learn whose it is. */
export function createOrderRoutes({ ledger, ids, desk }: Service) {
  async function read(req: OrderRequest): Promise<Response> {
    const { orderId } = req.params;
    const parts = ids.read(orderId);
    const view = parts && (await ledger.order(orderId));
    const headers = { 'Cache-Control': 'no-store' };
    if (!view) {
      if (parts && desk.isPending(orderId)) return json({ orderId, status: 'pending' }, 200, headers);
      return problem(req, 'not_found', 'There is no order with this id');
    }
    const { order, payments } = view;
    return json(
      {
        orderId,
        status: order.status,
        productId: order.productId,
        quantity: order.quantity,
        number: order.number,
        channel: order.channel,
        amountMinor: amountMinor(order),
        currency: order.currency,
        createdAt: isoTime(order.createdAt),
        expiresAt: isoTime(order.expiresAt),
        updatedAt: isoTime(order.updatedAt),
        payments: payments.map((payment) => ({
          attempt: payment.attempt,
          status: payment.status,
          amountMinor: payment.amountMinor,
          currency: payment.currency,
          reason: payment.reason,
          createdAt: isoTime(payment.createdAt),
          updatedAt: isoTime(payment.updatedAt),
        })),
      },
      200,
      headers,
    );
  }

  return { '/api/v1/orders/:orderId': { GET: read } };
}
