import type { PurchaseKey } from '../../domain/purchase.ts';

/** What was counted for a purchase that may go on. */
export interface PurchasePass {
  readonly address: string | null;
  readonly customer: string | null;
  readonly productId: number;
  readonly key: PurchaseKey | null;
  readonly isCounted: boolean;
  /** The fields that tell how little is left; null where enough is. */
  readonly fields: Readonly<Record<string, string>> | null;
}
