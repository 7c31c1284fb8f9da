import { available, type Product, saleState } from '../domain/product.ts';
import { isoTime } from './respond.ts';

/** A product as everybody sees it; its state is that of `nowMs`. */
export function shownProduct(product: Product, nowMs: number) {
  const { id, name, priceMinor, currency, total, reserved, sold, version, generation } = product;
  const { opensAt, closesAt, perCustomerLimit, customerRequired, holdSeconds } = product;
  const state = saleState(product, nowMs);
  return {
    productId: id,
    name,
    priceMinor,
    currency,
    total,
    available: available(product),
    reserved,
    sold,
    version,
    generation,
    state,
    paused: product.state === 'paused',
    drained: state === 'closed' && reserved === 0,
    opensAt: opensAt === null ? null : isoTime(opensAt),
    closesAt: closesAt === null ? null : isoTime(closesAt),
    perCustomerLimit,
    customerRequired,
    holdSeconds,
  };
}

/** The version, and the state beside it, because the clock changes that without a new version. */
export function etagOf(product: Product, nowMs: number): string {
  return `"${product.version}.${saleState(product, nowMs)}"`;
}
