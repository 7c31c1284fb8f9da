import { money, whole } from './format.ts';
import type { DataOf, OrderStatus, PageName, SaleState } from './shapes.ts';

/** The words of the pages, all in one place. */

const NAME = 'PulseCart';

export const TITLES: { readonly [P in PageName]: (data: DataOf<P>) => string } = {
  sales: () => `Flash sales · ${NAME}`,
  product: ({ product }) => `${product.name} · ${NAME}`,
  order: ({ order, product }) =>
    `${order.number === undefined ? 'Your purchase' : `Order no. ${whole(order.number)}`}${product ? ` · ${product.name}` : ''} · ${NAME}`,
  orders: () => `My orders · ${NAME}`,
  missing: () => `Not found · ${NAME}`,
  ops: () => `Operations · ${NAME}`,
};

export const SHELL = {
  skip: 'Skip to the content',
  sales: 'Sales',
  orders: 'My orders',
  operations: 'Operations',
  docs: 'API docs',
  navigation: 'Pages',
  connection: { waiting: 'Not live yet', live: 'Live', reconnecting: 'Reconnecting …' },
  noScript:
    'This page shows what was true when it was loaded. Live units and buying need JavaScript; programs buy by the HTTP API described at ',
};

export const SALES = {
  heading: 'Flash sales',
  groups: { running: 'Running now', coming: 'Coming up', over: 'Over' },
  none: 'Nothing is on sale yet.',
  more: 'The first hundred products are shown.',
};

export const STATES: Readonly<Record<SaleState, string>> = {
  not_open: 'Opens soon',
  open: 'On sale',
  paused: 'Paused',
  closed: 'Over',
};

export const UNITS = {
  left: (available: number, total: number) => `${whole(available)} of ${whole(total)} left`,
  soldOut: 'Sold out',
  mayReturn: (reserved: number) =>
    reserved === 0
      ? 'Every unit is paid for.'
      : `${whole(reserved)} reserved and not paid yet: ${reserved === 1 ? 'it' : 'they'} may come back.`,
};

export const BUY = {
  heading: 'Buy',
  quantity: 'Quantity',
  limit: (units: number) => (units === 1 ? 'One per customer' : `At most ${whole(units)} per customer`),
  way: 'How to buy',
  ways: {
    sync: {
      name: 'Sync',
      says: 'The connection waits until the order is on disk: the answer is the outcome.',
    },
    async: {
      name: 'Async',
      says: 'The purchase is queued at once: you get a tracking id, and the outcome follows.',
    },
  },
  total: (amountMinor: number, currency: string) => `Total ${money(amountMinor, currency)}`,
  buy: (amount: string) => `Buy for ${amount}`,
  opensIn: (left: string) => `Opens in ${left}`,
  paused: 'Paused',
  closed: 'The sale is over',
  soldOut: 'Sold out',
  limitReached: 'Your limit is reached',
  waiting: 'Waiting for your answer …',
  again: 'Ask again',
  forget: 'Stop asking',
  another: 'Buy again',
  waitingLong: (tries: number) =>
    `No answer yet (try ${tries}). It is asked for again under the same key, so nothing is bought twice.`,
  bought: 'It is yours.',
  queued: 'Your purchase is queued.',
  took: (duration: string) => `Your answer took ${duration}.`,
  tookOutcome: (accepted: string, outcome: string) =>
    `Your answer took ${accepted}; the outcome was there after ${outcome}.`,
  toOrder: 'Follow the order',
  unknown:
    'There is still no answer. Do not buy again elsewhere: ask again here, under the same key, or follow the order; either way you get at most one.',
  /** Said to those who listen when the sale comes to another state. */
  news: {
    not_open: 'The sale is not open yet.',
    open: 'The sale is open, and units are free.',
    sold_out: 'All units are sold or reserved.',
    paused: 'The sale is paused.',
    closed: 'The sale is over.',
  },
  refusals: {
    sold_out: 'Sold out. Nothing was bought.',
    limit_reached: 'You have reached the limit of this sale. Nothing more was bought.',
    price_changed:
      'The price has changed since this page was shown. Nothing was bought; the new price is on the button.',
    sale_not_open: 'The sale is not open yet. Nothing was bought.',
    sale_closed: 'The sale is over. Nothing was bought.',
    sale_paused: 'The sale is paused. Nothing was bought; you can try again when it goes on.',
  } as Readonly<Record<string, string>>,
};

export const ORDER = {
  heading: (number: number | undefined) =>
    number === undefined ? 'Your purchase' : `Order no. ${whole(number)}`,
  id: { order: 'Order id', tracking: 'Tracking id' },
  status: {
    pending: 'Not decided yet',
    reserved: 'Reserved for you',
    charging: 'Payment under way',
    paid: 'Paid',
    declined: 'Payment declined',
    expired: 'Expired',
    cancelled: 'Cancelled',
    refunding: 'Refund under way',
    refunded: 'Refunded',
    rejected: 'Not bought',
    failed: 'Not bought',
  } satisfies Record<OrderStatus, string>,
  explained: {
    pending:
      'It is not known yet whether this becomes an order. Wait here and do not buy again: the outcome arrives on this page by itself, and a second purchase could be a second order.',
    reserved: 'The units are kept for you while the payment is arranged.',
    charging: 'The payment company has been asked.',
    paid: 'The units are yours.',
    declined: 'Your payment was declined, so the units went back on sale. Nothing was charged.',
    expired: 'The payment was not made in time, so the units went back on sale.',
    cancelled: 'You have cancelled; the units went back on sale.',
    refunding: 'Your money is on its way back.',
    refunded: 'Your money is back.',
    rejected: 'This purchase got nothing, and never will.',
    failed: 'This purchase got nothing, and never will.',
  } satisfies Record<OrderStatus, string>,
  steps: { queued: 'Queued', decided: 'Reserved', charged: 'Payment', paid: 'Paid' },
  hold: (left: string) => `Kept for you for another ${left}`,
  holdOver: 'The hold is over; the units go back on sale in a moment.',
  facts: { product: 'Product', quantity: 'Quantity', amount: 'Amount', way: 'Bought', at: 'At' },
  bought: { sync: 'the sync way', async: 'the async way, by the queue' },
  payments: 'Payment attempts',
  noPayments: 'None yet.',
  attempt: 'Attempt',
  state: 'State',
  reason: 'Reason',
  cancel: 'Cancel the order',
  cancelling: 'Cancelling …',
  progress: 'What became of it',
  /** Of a step whose time is not known. */
  when: { done: '', bad: '', now: 'now', later: 'to come' },
};

export const ORDERS = {
  heading: 'My orders',
  about: 'What was bought with this browser. Another browser knows nothing of it.',
  none: 'Nothing was bought with this browser yet.',
  toSales: 'See the sales',
  unread: 'cannot be read now',
  gone: 'not there any more',
  customer: 'Customer id',
  customerAbout:
    'This browser buys under this name, and limits count by it. On this server for trying out you may take another one: test_decline, for example, is declined.',
  save: 'Use it',
  saved: 'From now on you buy as',
  badCustomer: 'A customer id has 1 to 64 characters.',
};

export const MISSING: Readonly<Record<DataOf<'missing'>['what'], { heading: string; says: string }>> = {
  product: {
    heading: 'There is no such product',
    says: 'The sale may have been taken away, or the address is mistyped.',
  },
  order: {
    heading: 'There is no such order',
    says: 'No order and no purchase was ever given this id, or it was forgotten because nothing was bought.',
  },
  trouble: {
    heading: 'The shop cannot be read now',
    says: 'Nothing is lost. Load this page again in a moment.',
  },
};
