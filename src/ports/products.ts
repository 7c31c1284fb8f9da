import type { AuditEntry } from '../domain/audit-entry.ts';
import type { DescribedProduct, NewProduct, NewProductRequest, Product } from '../domain/product.ts';
import type { ProductChanges } from '../domain/product-changes.ts';
import type { RemovalStep, SaleStep } from '../domain/product-steps.ts';

/**
 * Products and what operators do to them and their sales. A part of the Ledger, with the same promises. Each step of an
 * operator judges by the ledger's own clock, raises the product's version when it changes something, and writes its entry
 * down in the same commit; an entry that was done before (same id, or same key) is answered with the product as it is now.
 * One whose key was used for something else is refused as `idempotency_mismatch`.
 */
export interface Products {
  /** All products by id, the hidden ones included. */
  products(): Promise<Product[]>;

  /** At most `limit` products by id, from the first one above `afterId`; the hidden ones, or all others. */
  productsAfter(afterId: number, limit: number, hidden?: boolean): Promise<DescribedProduct[]>;

  /** The product, or undefined. Reads the last commit. */
  product(productId: number): Promise<Product | undefined>;

  /** The same with its description, which no purchase needs. */
  describedProduct(productId: number): Promise<DescribedProduct | undefined>;

  /** Puts new products on sale; a product whose id exists already is unchanged. */
  addProducts(products: readonly NewProduct[]): Promise<void>;

  /**
   * Puts a new product on sale. Without an id it gets the lowest one that is free; the entry is written down with the
   * product as its subject.
   */
  createProduct(product: NewProductRequest, entry: AuditEntry): Promise<SaleStep>;

  /**
   * Applies all of `changes` or nothing. A new limit is checked against what customers hold, in the same commit; new prices
   * and holds apply to orders from now on. `version` is the one that the caller has read, or null.
   */
  changeProduct(
    productId: number,
    changes: ProductChanges,
    entry: AuditEntry,
    version: number | null,
  ): Promise<SaleStep>;

  /** Closes the sale at this moment by the ledger's clock: nothing new is sold, what is under way comes to its end. */
  closeSale(productId: number, entry: AuditEntry): Promise<SaleStep>;

  /** Starts a new generation of exactly `units` free units, with or without an entry. */
  reset(productId: number, units: number, entry?: AuditEntry | null): Promise<SaleStep>;

  /**
   * Removes a part of a hidden product whose sale is closed and has no unpaid orders: at most `limit` of its outcomes or orders,
   * with their keys, attempts, payments and holdings. The books balance after each part. The call that finds nothing left
   * removes the product itself, and writes its entry down.
   */
  removeProduct(productId: number, entry: AuditEntry, limit: number): Promise<RemovalStep>;
}
