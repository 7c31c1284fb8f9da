import type { Operation } from '../domain/operation.ts';
import type { NewProduct, Product, SaleRefusalCode } from '../domain/product.ts';

/**
 * What operators do to products and their sales. A part of the Ledger, with the same promises. Each step judges by the
 * ledger's own clock, raises the product's version when it changes something, and writes its operation down in the same
 * commit; an operation that was done before (same id) is answered with the product as it is now.
 */
export interface LedgerSales {
  /** Puts a new product on sale. */
  createProduct(product: NewProduct, operation: Operation): Promise<SaleStep>;

  /**
   * Changes what `changes` names, all of it or nothing. A new limit counts what customers hold already, in the same commit;
   * new prices and holds are for orders from now on. `version` (optional) is the one that the caller has seen.
   */
  changeProduct(
    productId: number,
    changes: ProductChanges,
    operation: Operation,
    version?: number,
  ): Promise<SaleStep>;

  /** Closes the sale at this moment by the ledger's clock: nothing new is sold, what is under way comes to its end. */
  closeSale(productId: number, operation: Operation): Promise<SaleStep>;
}

export interface ProductChanges {
  readonly name?: string;
  readonly priceMinor?: number;
  readonly state?: Product['state'];
  readonly opensAt?: number | null;
  readonly closesAt?: number | null;
  readonly perCustomerLimit?: number | null;
  readonly holdSeconds?: number;
  /** Added to the round and its free units; negative takes free units away. */
  readonly addUnits?: number;
}

export type SaleStep =
  | { readonly kind: 'done'; readonly product: Product }
  /** Nothing was changed. `product` is as it stands; null when it is not there. */
  | { readonly kind: 'refused'; readonly code: SaleRefusalCode; readonly product: Product | null };
