import type { Caller } from '../buyers/buyers.ts';
import { problem } from '../respond.ts';
import type { Service } from '../service.ts';

/** Orders of which the ledger has none (yet), as callers hear of them. */
export function createPendingOrders(
  service: Pick<Service, 'ledger' | 'ids' | 'buyers' | 'clock' | 'conclude' | 'keepOutcomesMs'>,
) {
  const { ledger, ids, buyers, clock, conclude, keepOutcomesMs } = service;

  /** What is to be said of an order that could not be read: that there is none only when there never can be. */
  async function withoutOrder(orderId: string, caller: Caller): Promise<'pending' | 'ordered' | 'none'> {
    const parts = ids.read(orderId);
    if (
      !parts ||
      !buyers.ownsUndecided(caller, orderId) ||
      parts.soldOut ||
      clock() > parts.acceptedAt + keepOutcomesMs
    )
      return 'none';
    const found = (await ledger.find([orderId])).get(orderId) ?? (await conclude(orderId, parts));
    if (!found || found.kind === 'needs_attention') return 'pending';
    return found.kind === 'order' ? 'ordered' : 'none';
  }

  return {
    withoutOrder,

    /** The refusal of a step. An order of another customer counts as none, too. */
    async pendingOrNone(req: Request, orderId: string, caller: Caller): Promise<Response> {
      if ((await withoutOrder(orderId, caller)) !== 'pending') return noSuchOrder(req);
      return problem(req, 'order_pending', 'It is not known yet whether the order was carried out');
    },
  };
}

export function noSuchOrder(req: Request): Response {
  return problem(req, 'not_found', 'There is no order with this id');
}
