import { money } from '../format.ts';
import type { Order } from '../shapes.ts';
import { OPS, ORDER } from '../text.ts';
import { type Operation, outcomeOf } from './operation-forms.ts';
import type { Session } from './session.ts';
import type { FoundOrder } from './shapes.ts';

/** What operators do to orders. Either does the same when it is asked for again. */
export function refundOrder(
  session: Session,
  order: FoundOrder,
  called: string,
  onDone: () => void,
): Operation {
  const { refundTitle, refundAbout, refund } = OPS.orders;
  const amount = money(order.amountMinor, order.currency);
  return ending(session, order, called, onDone, 'refund', refundTitle(called, amount), refundAbout, refund);
}

export function cancelOrder(
  session: Session,
  order: FoundOrder,
  called: string,
  onDone: () => void,
): Operation {
  const { cancelTitle, cancelAbout, cancel } = OPS.orders;
  return ending(session, order, called, onDone, 'cancel', cancelTitle(called), cancelAbout, cancel);
}

function ending(
  session: Session,
  { orderId }: FoundOrder,
  called: string,
  onDone: () => void,
  what: 'refund' | 'cancel',
  title: string,
  about: string,
  button: string,
): Operation {
  return {
    title,
    about,
    button,
    async send(_, reason) {
      const answer = await session.ask<Order>(`/api/v1/orders/${orderId}/${what}`, {
        method: 'POST',
        body: { reason },
      });
      if (answer.ok || answer.status === 409) onDone();
      return outcomeOf(answer, ({ status }) => OPS.orders.ended(called, ORDER.status[status]));
    },
  };
}
