/**
 * An action of an operator, or of the service itself, on a sale or a purchase, recorded with actor, subject, time and
 * reason. The caller checks the permission.
 */
export interface Operation {
  /** UUID of version 7, made by the caller: a repeated operation is applied and recorded once. */
  readonly id: string;
  /** The actor's name as given: 1–64 characters; `system` for the service itself. */
  readonly actor: string;
  readonly action: OperationAction;
  /** The object of the operation, like `product/3`, `order/<id>` or `queue/purchases`. */
  readonly subject: string;
  /** The operator's reason: 1–500 characters, or null where the call takes none. */
  readonly reason: string | null;
  /** Details of the operation: numbers, changed fields. No personal data. */
  readonly details: Readonly<Record<string, unknown>>;
  /** The caller's own idempotency key: retries with it, from any client, apply the operation once. */
  readonly key?: OperationKey | null;
}

export interface OperationKey {
  /** The key as sent, with the call that it belongs to. */
  readonly value: string;
  /** Identifies the request; the same key with another fingerprint is a caller's mistake. */
  readonly fingerprint: string;
}

export interface LoggedOperation extends Omit<Operation, 'key'> {
  /** When it was done (ms since the epoch, the ledger's clock). */
  readonly at: number;
}

export const OPERATION_ACTIONS = [
  'product.create',
  'product.change',
  'units.add',
  'sale.pause',
  'sale.resume',
  'sale.drain',
  'stock.reset',
  'stock.init',
  'order.cancel',
  'order.refund',
  'dead-letters.replay',
  'dead-letters.discard',
  'audit.run',
] as const;
export type OperationAction = (typeof OPERATION_ACTIONS)[number];
