import type Type from 'typebox';
import type { LiveEvent, OrderNow, ProductNow } from '../../app/stream/events.ts';
import { shownStatus } from '../../domain/order.ts';
import { available } from '../../domain/product.ts';
import { isoTime } from '../respond.ts';
import type { StreamEventName, StreamOrder, StreamProduct } from './stream-schemas.ts';

/**
 * Live events as they go over the wire (Server-Sent Events). An event's id is what its reader has seen with it: versions by
 * product, like `1.17,2.5`. A browser sends the last one it got when it comes back.
 */

const written = new WeakMap<LiveEvent, Uint8Array>();
const encoder = new TextEncoder();

/** The event's bytes: written once, however many are told. */
export function eventBytes(event: LiveEvent): Uint8Array {
  let bytes = written.get(event);
  if (!bytes) {
    bytes = encoder.encode(eventText(event));
    written.set(event, bytes);
  }
  return bytes;
}

/** How soon a client comes back when its connection ends (ms). Each gets another, so that they do not all come at once. */
export function retryBytes(retryMs: number): Uint8Array {
  return encoder.encode(`retry: ${retryMs}\n\n`);
}

function eventText(event: LiveEvent): string {
  switch (event.type) {
    case 'snapshot': {
      const products = event.products.map(productJson);
      const orders = event.orders.map(orderJson);
      const id = idOf(event.products);
      return message('snapshot', id, { serverTime: isoTime(event.atMs), products, orders });
    }
    case 'stock.changed':
    case 'sale.opened':
    case 'sale.closed': {
      const json = { ...productJson(event.now), serverTime: isoTime(event.atMs) };
      return message(event.type, idOf([event.now]), json);
    }
    case 'order.updated':
      // Without an id the reader keeps the one it has.
      return message('order.updated', null, orderJson(event.order));
    case 'heartbeat':
      return ':\n\n';
    case 'goodbye':
      return ': this server stops; come back\n\n';
  }
}

function message(name: StreamEventName, id: string | null, data: object): string {
  return `${id === null ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

function productJson({ product, state }: ProductNow): Omit<Type.Static<typeof StreamProduct>, 'serverTime'> {
  const { opensAt, closesAt, total, reserved } = product;
  return {
    productId: product.id,
    total,
    available: available(product),
    reserved,
    version: product.version,
    state,
    priceMinor: product.priceMinor,
    currency: product.currency,
    opensAt: opensAt === null ? null : isoTime(opensAt),
    closesAt: closesAt === null ? null : isoTime(closesAt),
  };
}

function orderJson({
  orderId,
  status,
  code,
  updatedAt,
  expiresAt,
}: OrderNow): Type.Static<typeof StreamOrder> {
  return {
    orderId,
    status: shownStatus(status),
    ...(code !== null && { code }),
    updatedAt: isoTime(updatedAt),
    ...(expiresAt !== null && { expiresAt: isoTime(expiresAt) }),
  };
}

function idOf(products: readonly ProductNow[]): string {
  return products.map(({ product }) => `${product.id}.${product.version}`).join(',');
}

/** What an id says that was seen; what cannot be read says nothing. */
export function readEventId(id: string): ReadonlyMap<number, number> {
  const pairs = id.split(',').flatMap((part) => {
    const [, productId, version] = /^(\d{1,16})\.(\d{1,16})$/.exec(part) ?? [];
    return productId === undefined ? [] : [[Number(productId), Number(version)] as const];
  });
  return new Map(pairs);
}
