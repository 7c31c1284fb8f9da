/**
 * Answers of a real server, word for word. A test holds them against their schemas. Readers get them with later times
 * (example-times.ts), so nothing else in them may name a day.
 */

export const NEW_PRODUCT = {
  name: 'Concert ticket, front row',
  priceMinor: 12500,
  currency: 'EUR',
  units: 300,
  opensAt: '2026-11-27T09:00:00Z',
  closesAt: '2026-11-27T09:30:00Z',
  perCustomerLimit: 2,
  reason: 'winter sale',
};

const SHOWN = {
  productId: 6,
  name: 'Concert ticket, front row',
  priceMinor: 12500,
  currency: 'EUR',
  total: 300,
  available: 300,
  reserved: 0,
  sold: 0,
  version: 1,
  generation: 1,
  state: 'not_open',
  paused: false,
  drained: false,
  opensAt: '2026-11-27T09:00:00.000Z',
  closesAt: '2026-11-27T09:30:00.000Z',
  perCustomerLimit: 2,
  customerRequired: false,
  holdSeconds: 600,
};

const SERVER_TIME = { serverTime: '2026-11-22T21:52:10.114Z' };

export const A_PRODUCT = { ...SHOWN, ...SERVER_TIME };
export const PRODUCTS = { products: [SHOWN], next: null, ...SERVER_TIME };
export const PAUSED = { ...SHOWN, version: 2, paused: true, ...SERVER_TIME };

export const NEXT_WEEK = {
  opensAt: '2026-12-04T09:00:00Z',
  closesAt: null,
  reason: 'the supplier is late',
};
export const SOME_UNITS = { delta: 50, reason: 'second delivery' };
export const WHY_PAUSED = { reason: 'the picture shows another product' };
export const WHY_DRAINED = { reason: 'the hall is full' };
