import type { Order } from '../../../domain/order.ts';
import type { DescribedProduct, Product } from '../../../domain/product.ts';
import type { RefusalCode } from '../../../domain/purchase.ts';
import type { Found, PaymentAttempt } from '../../../ports/queries.ts';

/** SELECT lists that answer in the shape of the domain, so that a row needs no mapping, but for `productIn`. */
export const PRODUCT_COLUMNS = `id, name, price_minor AS priceMinor, currency, total, reserved, sold, version, generation,
  state, opens_at AS opensAt, closes_at AS closesAt, per_customer_limit AS perCustomerLimit,
  hold_seconds AS holdSeconds, customer_required AS customerRequired`;

/** The same of `products p LEFT JOIN product_descriptions ON product_id = p.id`. */
export const DESCRIBED_COLUMNS = `${PRODUCT_COLUMNS}, description, image_url AS imageUrl`;

export const ORDER_COLUMNS = `id, product_id AS productId, generation, number, customer, quantity,
  price_minor AS priceMinor, currency, channel, status, remaining, created_at AS createdAt, expires_at AS expiresAt,
  attempts, updated_at AS updatedAt`;

export const OUTCOME_COLUMNS = `nullif(product_id, 0) AS productId, nullif(quantity, 0) AS quantity, code, available, decided_at AS decidedAt`;

const troubleOf = (kind: string) =>
  `(SELECT state FROM payment_troubles t WHERE t.order_id = payments.order_id AND t.attempt = payments.attempt AND kind = '${kind}')`;

export const PAYMENT_COLUMNS = `attempt, amount_minor AS amountMinor, currency, status, provider_id AS providerId, reason,
  ${troubleOf('dispute')} AS dispute, ${troubleOf('refund')} IS NOT NULL AS refundFailed,
  created_at AS createdAt, updated_at AS updatedAt`;

/** SQLite has no booleans. */
export type ProductRow = Omit<Product, 'customerRequired'> & { readonly customerRequired: 0 | 1 };
export type DescribedRow = Omit<DescribedProduct, 'customerRequired'> & Pick<ProductRow, 'customerRequired'>;
export type OrderRow = Order;
export type PaymentRow = Omit<PaymentAttempt, 'refundFailed'> & { readonly refundFailed: 0 | 1 };

export interface OutcomeRow {
  readonly productId: number | null;
  readonly quantity: number | null;
  readonly code: RefusalCode;
  readonly available: number;
  readonly decidedAt: number;
}

export function productIn(row: DescribedRow): DescribedProduct;
export function productIn(row: ProductRow): Product;
export function productIn(row: ProductRow): Product {
  return { ...row, customerRequired: row.customerRequired === 1 };
}

export function paymentIn(row: PaymentRow): PaymentAttempt {
  return { ...row, refundFailed: row.refundFailed === 1 };
}

export function foundRefused(row: OutcomeRow): Found {
  return { kind: 'refused', ...row };
}
