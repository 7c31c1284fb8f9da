/** Answers of a real server, word for word. A test holds them against their schemas. */

const ORDER_ID = '01a2040e-e549-70c2-8a78-490084e26084';
const TRACKING_ID = '01a2040e-e5b5-70cc-a15c-23e21a9336a6';

export const PURCHASE_EXAMPLE = { productId: 3, quantity: 1, userId: 'ada' };

export const BOUGHT = {
  success: true,
  message: 'Purchase successful',
  orderId: ORDER_ID,
  productId: 3,
  quantity: 1,
  remainingStock: 99,
  timestamp: '2026-11-22T16:20:14.796Z',
  amountMinor: 199999,
  currency: 'USD',
};

export const SOLD_OUT = {
  success: false,
  message: 'Out of stock. Requested: 1, Available: 0',
  orderId: null,
  productId: 3,
  quantity: 1,
  remainingStock: 0,
  timestamp: '2026-11-22T16:20:14.876Z',
  code: 'sold_out',
};

export const IN_FLIGHT = {
  message: 'A request with this Idempotency-Key is still being carried out',
  code: 'in_flight',
  requestId: 'd70cb78e-7a72-42d6-a152-c0b7e068ad99',
};

export const OVERLOADED = {
  success: false,
  message: 'Too much at once. Nothing was done.',
  orderId: null,
  productId: 3,
  quantity: 1,
  remainingStock: 99,
  timestamp: '2026-11-22T16:20:14.796Z',
  code: 'overloaded',
};

export const OUTCOME_UNKNOWN = {
  ...OVERLOADED,
  message: 'It is not known yet whether this was done.',
  orderId: ORDER_ID,
  code: 'outcome_unknown',
};

export const ACCEPTED = {
  accepted: true,
  message: 'Purchase request accepted',
  trackingId: TRACKING_ID,
  productId: 3,
  quantity: 2,
  timestamp: '2026-11-22T16:20:14.901Z',
};

export const QUEUED = {
  trackingId: TRACKING_ID,
  status: 'queued',
  message: 'Waiting to be decided',
  updatedAt: '2026-11-22T16:20:14.901Z',
};

export const CONFIRMED = {
  trackingId: TRACKING_ID,
  status: 'confirmed',
  orderId: TRACKING_ID,
  message: 'Purchase successful',
  productId: 3,
  quantity: 2,
  amountMinor: 399998,
  currency: 'USD',
  updatedAt: '2026-11-22T16:20:14.905Z',
};

export const REJECTED = {
  trackingId: TRACKING_ID,
  status: 'rejected',
  code: 'sold_out',
  message: 'Out of stock. Requested: 2, Available: 0',
  productId: 3,
  quantity: 2,
  updatedAt: '2026-11-22T16:20:14.901Z',
};

export const PAID = {
  orderId: ORDER_ID,
  status: 'paid',
  productId: 3,
  quantity: 1,
  number: 1,
  channel: 'sync',
  amountMinor: 199999,
  currency: 'USD',
  createdAt: '2026-11-22T16:20:14.796Z',
  expiresAt: '2026-11-22T16:30:14.796Z',
  updatedAt: '2026-11-22T16:20:14.857Z',
  payments: [
    {
      attempt: 1,
      status: 'captured',
      amountMinor: 199999,
      currency: 'USD',
      reason: null,
      createdAt: '2026-11-22T16:20:14.821Z',
      updatedAt: '2026-11-22T16:20:14.857Z',
    },
  ],
};

export const CANCELLED = {
  ...PAID,
  status: 'cancelled',
  updatedAt: '2026-11-22T16:20:15.102Z',
  payments: [],
};

const [CAPTURE] = PAID.payments;

export const REFUNDING = {
  ...PAID,
  status: 'refunding',
  updatedAt: '2026-11-22T16:24:40.310Z',
  payments: [{ ...CAPTURE, status: 'refunding', updatedAt: '2026-11-22T16:24:40.310Z' }],
};

export const REFUNDED = {
  ...PAID,
  status: 'refunded',
  updatedAt: '2026-11-22T16:24:40.342Z',
  payments: [{ ...CAPTURE, status: 'refunded', updatedAt: '2026-11-22T16:24:40.342Z' }],
};
