import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { UserId } from '../schemas.ts';
import { Reason } from './operators.ts';

/** What ends an order. */

export const CancelBody = Type.Object(
  { userId: Type.Optional(UserId), reason: Type.Optional(Reason) },
  {
    $id: 'CancelRequest',
    description:
      'A buyer names the userId that the order was bought with, if it was bought with one. An operator gives a reason instead.',
  },
);
export const checkCancelBody = Compile(CancelBody);

const OperatorCancelBody = Type.Object({ reason: Reason });
export const checkOperatorCancelBody = Compile(OperatorCancelBody);

export const RefundBody = Type.Object({ reason: Reason }, { $id: 'RefundRequest' });
export const checkRefundBody = Compile(RefundBody);
