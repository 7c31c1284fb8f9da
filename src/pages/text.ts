import type { Role } from '../domain/operator.ts';
import { counted, money, whole } from './format.ts';
import {
  type DataOf,
  isUnpaid,
  type Order,
  type OrderStatus,
  type PageName,
  type SaleState,
} from './shapes.ts';

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
  /** Of an unpaid order that its buyer pays on the page. */
  toPay: {
    name: 'Reserved for you',
    says: 'Pay before the time is over. After that the units go back on sale, and nothing is charged.',
  },
  steps: { queued: 'Queued', decided: 'Reserved', charged: 'Payment', paid: 'Paid' },
  hold: (left: string) => `Kept for you for another ${left}`,
  holdOver: 'The hold is over; the units go back on sale in a moment.',
  facts: { product: 'Product', quantity: 'Quantity', amount: 'Amount', way: 'Bought', at: 'At' },
  bought: { sync: 'the sync way', async: 'the async way, by the queue' },
  payments: 'Payment attempts',
  dispute: {
    open: 'This payment is disputed at the bank.',
    won: 'This payment was disputed at the bank, and stands.',
    lost: 'This payment was disputed at the bank, which gave the money back.',
  },
  refundFailed: 'The bank did not take the refund: the money has not arrived.',
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

/** What an order's status is called, and what it means. */
export function statusOf(
  order: Pick<Order, 'status'>,
  buyersPay: boolean,
): { readonly name: string; readonly says: string } {
  if (buyersPay && isUnpaid(order)) return ORDER.toPay;
  return { name: ORDER.status[order.status], says: ORDER.explained[order.status] };
}

/** The buyer pays by the form of the payment company. */
export const PAY = {
  pay: (amount: string | null) => (amount === null ? 'Pay' : `Pay ${amount}`),
  noScript: 'Paying needs JavaScript, also that of js.stripe.com.',
  loading: 'The payment form is loading …',
  ready: 'What you enter goes to Stripe alone, never to this shop.',
  paying: 'Your bank is asked. Stay on this page …',
  settling: 'Your payment has arrived. The order is being completed …',
  action: 'Your bank wants you to confirm this payment. Go on there, or pay in another way.',
  goOn: 'Go on at your bank',
  declined: (message: string) => `${message} Nothing was charged. You can try again, or pay in another way.`,
  notConfirmed:
    'The payment was not confirmed, and nothing was charged. You can try again, or pay in another way.',
  blocked:
    'The payment form of Stripe (js.stripe.com) did not load. Nothing was charged. The connection may be bad, or something blocks it.',
  trouble: (message: string) => `The payment cannot be read now: ${message}`,
  unclear: 'It is not clear what became of the payment. It is never charged twice: ask again.',
  again: 'Try again',
  over: 'The time to pay is over. What your bank has set aside is released, unless this page says that the order is paid.',
};

export const ORDERS = {
  heading: 'My orders',
  about: 'What was bought with this browser. Another browser knows nothing of it.',
  none: 'Nothing was bought with this browser yet.',
  toSales: 'See the sales',
  gone: 'not there any more',
  customer: 'Customer id',
  customerAbout:
    'This browser buys under this name, and limits count by it. On this server for trying out you may take another one',
  customerScripted: ': test_decline, for example, is declined',
  save: 'Use it',
  saved: 'From now on you buy as',
  asGuest: 'You buy as a guest. Only this browser sees your orders.',
  asCustomer: (customer: string) => `You are signed in as ${customer}.`,
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

const UNIT_WORDS = { sold: 'sold', reserved: 'reserved', available: 'available', total: 'total' };

/** The operations console. */
export const OPS = {
  heading: 'Operations',
  title: (section: string) => `${section} · Operations · ${NAME}`,
  noScript:
    'The console needs JavaScript. Everything that it does is in the HTTP API under /api/v1/ops and in the pulsecart command.',
  signOut: 'Sign out',
  operatorWithoutName: 'operator',
  roles: {
    names: { viewer: 'Viewer', operator: 'Operator', admin: 'Admin' } satisfies Record<Role, string>,
    needs: (role: Role) => `This needs the role ${role}.`,
    notes: {
      viewer: 'You are a viewer: you see everything, and buttons that change something are grey.',
      operator: 'You are an operator: buttons for what cannot be undone are grey: they need an admin.',
    },
  },
  unknown: 'unknown',
  reading: 'Reading …',
  again: 'Read again',
  trouble: (message: string) => `This cannot be read now: ${message}`,
  missing: (message: string) => `This server does not have this: ${message}`,
  sectionsLabel: 'Sections',
  sections: {
    live: 'Live',
    products: 'Products',
    orders: 'Orders',
    'dead-letters': 'Dead letters',
    log: 'Log',
    audit: 'Audit',
    crowd: 'Crowd',
  },
  units: UNIT_WORDS,
  state: { not_open: 'Not open yet', open: 'Open', paused: 'Paused', closed: 'Closed' } satisfies Record<
    SaleState,
    string
  >,
  signIn: {
    heading: 'Operations: sign in',
    about:
      'With a token of your own, or with the one of PULSECART_OPERATOR_TOKEN. A server that made its own token has it in the file operator-token of its data folder. The token is kept as long as this tab is open.',
    token: 'Operator token',
    operator: 'Your name',
    operatorAbout: 'It stands in the log beside what you do. A token of your own has your name already.',
    button: 'Sign in',
    offered: "Use this server's own token",
    wrong: 'No operator of this server has this token.',
    noRole: 'The token is good, but makes nobody an operator here. An admin can give you a role.',
    tooMany: (seconds: number) =>
      `Too many wrong tokens came from your address. This one is wrong, too; try another one in ${seconds} s.`,
    refused: 'The server does not take the token any more. Sign in again.',
    trouble: (message: string) => `The token could not be checked: ${message}`,
    out: 'You are signed out.',
  },
  head: {
    waiting: 'Reading the figures …',
    unknown: 'The units cannot be read now.',
    all: 'All products',
    adds: 'adds up',
    doesNotAdd: 'does not add up',
    noData: 'No figures yet',
    age: (age: string) => `${age} old`,
    old: (age: string) => `Not what is now: ${age} old`,
    rush: 'A crowd is under way',
  },
  live: {
    product: 'Units of',
    last: 'over',
    whole: 'the whole course',
    minutes: (minutes: string) => `the last ${minutes} minutes`,
    trouble: (message: string) => `The figures cannot be read now: ${message}`,
    noHistory: 'This server keeps no history: the charts begin when this page was opened.',
    historyTrouble: (message: string) => `What went before cannot be read now: ${message}`,
  },
  tiles: {
    attempts: 'Attempts',
    reserved: 'Orders made',
    confirmed: 'Async confirmed',
    syncP50: 'Sync p50',
    syncP99: 'Sync p99',
    confirmP99: 'Async confirm p99',
    backlog: 'Backlog',
    oldest: (age: string) => `oldest ${age}`,
    paymentFailures: 'Payment failures',
    refundsDue: 'Refunds due',
    gate: 'Gate',
    backends: 'Backends',
    none: 'none timed',
    up: 'All up',
    down: (names: string) => `Down: ${names}`,
    unsure: (names: string) => `No answer yet: ${names}`,
  },
  charts: {
    units: 'Units by state',
    throughput: 'Throughput by outcome',
    latency: 'Latency',
    backlog: 'Backlog',
    eventLoop: 'Event-loop delay p99',
    cpu: 'CPU of one core',
    memory: 'Memory',
    now: 'now',
    nothing: '–',
    table: 'As a table',
    tableOf: (title: string) => `${title}, as a table`,
    time: 'Time',
  },
  lines: {
    attempts: 'Attempts',
    reserved: 'Orders made',
    refused: 'Refused',
    paid: 'Paid',
    lost: 'Declined or expired',
    syncP50: 'Sync p50',
    syncP99: 'Sync p99',
    acceptP99: 'Async accept p99',
    confirmP99: 'Async confirm p99',
    purchases: 'Purchases',
  },
  forms: {
    reason: 'Reason, for the log',
    reasonExample: 'Why this is done',
    optional: '(optional)',
    cancel: 'Cancel',
    dismiss: 'Dismiss',
    busy: 'Working …',
    again: 'Send it again',
    allTheSame: 'Do it all the same',
    unknown: (message: string) =>
      `There was no clear answer, so it may be done or not (${message}). Send it again unchanged: it is done once.`,
    conflict: 'It has changed since you looked. Nothing was done. This is what is different:',
    what: 'What',
    seen: 'You saw',
    now: 'It is',
    zone: (zone: string) => `In your zone, ${zone}.`,
  },
  product: {
    id: 'Product id',
    name: 'Name',
    price: 'Price',
    description: 'Description',
    imageUrl: 'Picture',
    opensAt: 'Opens',
    closesAt: 'Closes',
    perCustomerLimit: 'Limit per customer',
    customerRequired: 'Customer needed',
    holdSeconds: 'Hold',
    paused: 'Paused',
    generation: 'Generation',
    total: 'Total units',
    version: 'Version',
    noTime: 'no time set',
    none: 'none',
    yes: 'yes',
    no: 'no',
    seconds: (seconds: number) => `${whole(seconds)} s`,
  },
  products: {
    create: 'New product …',
    back: '← All products',
    noSuch: (id: string) => `There is no product ${id} here.`,
    cut: (shown: number) => `The first ${whole(shown)} products are shown.`,
    always: 'any time',
    inShop: 'In the shop',
    orders: 'Its orders',
    charts: 'Its charts',
    crowd: 'Send a crowd',
    columns: { id: 'Id', name: 'Product', state: 'State', price: 'Price', window: 'Opens – closes' },
  },
  operations: {
    units: 'Free units of the new generation',
    delta: 'Units to add; a negative number takes free ones away',
    nothing: 'Nothing is different from what it was.',
    badPrice: (currency: string, digits: number) =>
      digits === 0
        ? `The price must be a whole number of ${currency}, like 125`
        : `The price must be an amount of ${currency} with a point and at most ${digits} digits behind it, like ${(125).toFixed(digits)}`,
    labels: {
      name: 'Name',
      price: 'Price of one unit',
      priceIn: (currency: string) => `Price of one unit, ${currency}`,
      currency: 'Currency',
      units: 'Units',
      opensAt: 'Opens',
      closesAt: 'Closes',
      limit: 'Units per customer at most',
      customer: 'Buyers must say who they are',
      hold: 'Seconds that an unpaid order keeps its units',
      description: 'Description',
      image: 'Address of a picture',
    },
    hints: {
      price: 'In the digits of its currency, like 125.00',
      digits: (digits: number) =>
        digits === 0 ? 'No digits behind the point' : `${digits} digits behind the point`,
      image: 'https, or a path of this server',
    },
    titles: {
      create: 'Put a new product on sale',
      change: (name: string) => `Change ${name}`,
      addUnits: (name: string) => `Add units to ${name}`,
      open: (name: string) => `Open ${name} now`,
      pause: (name: string) => `Pause ${name}`,
      resume: (name: string) => `Resume ${name}`,
      close: (name: string) => `Close ${name} now`,
      reset: (name: string) => `Reset ${name}`,
    },
    about: {
      create:
        'Without a time to open it is on sale at once, without a time to close it never closes by itself.',
      change: 'Only what you change is sent. Orders keep the price and the hold they were made with.',
      addUnits: (free: number) =>
        `Added units are sold at once. ${counted(free, 'unit is', 'units are')} free now.`,
      open: 'The time that keeps it from being open is taken away.',
      pause: 'Purchases are refused until it is resumed. Orders are charged on.',
      resume: 'The sale goes on within its times.',
      close: 'Nothing more is sold. What is under way comes to its end.',
      reset:
        'A new generation begins with exactly so many free units. Orders of earlier generations stay as they are.',
    },
    buttons: {
      create: 'Put on sale',
      change: 'Change',
      addUnits: 'Add units',
      open: 'Open now',
      pause: 'Pause',
      resume: 'Resume',
      close: 'Close now',
      reset: 'Reset',
    },
    done: {
      created: (id: number, name: string) => `${name} is product ${id}.`,
      changed: (name: string, price: string) => `${name} is changed; it costs ${price}.`,
      added: (total: string, available: string) => `It has ${total} units now, ${available} of them free.`,
      open: 'The sale is open.',
      paused: 'The sale is paused.',
      state: (state: string) => `The sale is now: ${state.toLowerCase()}.`,
      closed: (at: string, reserved: number) =>
        `The sale closed at ${at}; ${counted(reserved, 'unit is', 'units are')} reserved and not paid yet.`,
      reset: (units: string) => `A new generation has begun with ${units} free units.`,
    },
  },
  orders: {
    none: 'No order meets this.',
    noneYet: 'None among the newest orders. Older ones may: look further.',
    newest: '← Newest',
    older: 'Older →',
    any: 'Any',
    find: 'Find',
    clear: 'Clear',
    anonymous: 'no customer',
    number: (called: string) => `no. ${called}`,
    refund: 'Refund',
    cancel: 'Cancel order',
    refundTitle: (called: string, amount: string) => `Refund ${amount} of order no. ${called}`,
    refundAbout: 'The money goes back and the units are free again. Asked twice it is refunded once.',
    cancelTitle: (called: string) => `Cancel order no. ${called}`,
    cancelAbout: 'Its units are free again at once.',
    ended: (called: string, status: string) => `Order no. ${called}: ${status.toLowerCase()}.`,
    fields: {
      id: 'Order id',
      customer: 'Customer',
      status: 'State',
      product: 'Product',
      from: 'From',
      to: 'Until',
    },
    columns: {
      order: 'Order',
      status: 'State',
      product: 'Product',
      customer: 'Customer',
      quantity: 'Units',
      amount: 'Amount',
      way: 'Way',
      at: 'At',
      actions: 'Actions',
    },
  },
  csv: {
    save: 'Save all as CSV',
    toFile: 'Save straight to a file',
    stop: 'Stop',
    running: 'Reading orders …',
    rows: (rows: string) => `${rows} orders so far …`,
    saved: (rows: string) => `${rows} orders saved.`,
    stopped: 'Stopped. Nothing was saved.',
    missing: 'This server cannot export orders.',
    failed: (why: string) => `The export failed: ${why}`,
    tooMany: (most: string) =>
      `There are more than ${most} orders, too many for a browser's memory. Nothing was saved. A command takes them all:`,
  },
  letters: {
    about:
      'What could not be handled after several tries. Causes that differ in ids and numbers only are one group.',
    none: 'There are no dead letters.',
    truncated: 'There are more than were looked at.',
    more: 'There are more.',
    queues: { purchases: 'Purchases', payments: 'Payments' } as Readonly<Record<string, string>>,
    between: (oldest: string, newest: string) => (oldest === newest ? oldest : `${oldest} to ${newest}`),
    look: 'Look inside',
    replay: 'Replay',
    discard: 'Discard',
    titles: {
      replay: (letters: string) => `Replay ${letters}`,
      discard: (letters: string) => `Discard ${letters}`,
    },
    abouts: {
      replay: 'Each is tried again as if for the first time. One that is past its time ends as too old.',
      discard: 'Each purchase ends as failed and gets nothing, for good. One that has an outcome keeps it.',
    },
    done: {
      replay: (letters: string, items: string, more: boolean) =>
        `Replayed: ${letters}, ${items}.${more ? ' There may be more.' : ''}`,
      discard: (letters: string, items: string, more: boolean) =>
        `Discarded: ${letters}, ${items}.${more ? ' There may be more.' : ''}`,
    },
  },
  log: {
    none: 'Nothing was done yet.',
    noReason: 'none given',
    newest: '← Newest',
    older: 'Older →',
    columns: { at: 'At', actor: 'Who', action: 'What', subject: 'To', reason: 'Why', details: 'Details' },
  },
  audit: {
    about:
      'Proves from the ledger that the books balance. It runs beside the servers, in a process of its own.',
    run: 'Run the audit',
    title: 'Run the audit',
    runAbout: 'It reads one moment of the ledger and changes nothing. Two minutes at most.',
    pass: (verdicts: number) => `The books balance: ${counted(verdicts, 'verdict')}, all PASS.`,
    fail: (failed: number) => `The books do not balance: ${counted(failed, 'verdict')} FAIL.`,
    took: (time: string) => `Verdicts; it took ${time}`,
    table: 'Verdicts',
    verdict: 'Verdict',
    claim: 'What is claimed',
    figures: 'By these figures',
    passed: 'PASS',
    failed: 'FAIL',
    unjudged: 'not judged',
  },
  doctor: {
    heading: 'Doctor',
    about: (version: string) =>
      `What this server, version ${version}, finds about its settings, limits, host and backends.`,
    state: 'State',
    what: 'What',
    found: 'Found',
    states: { ok: 'ok', note: 'note', broken: 'broken' },
  },
  crowd: {
    about:
      'Sends a crowd of buyers at this server, from a process of its own, and judges what they were told. Only servers for trying out have this.',
    missing: 'This server sends no crowds: only development servers do.',
    start: 'Start the crowd',
    running: 'Running …',
    stop: 'Stop it',
    stopReason: 'stopped in the console',
    reason: 'a try',
    judged: (held: number, all: number) =>
      held === all ? `All ${all} verdicts PASS.` : `${held} of ${all} verdicts PASS.`,
    took: (time: string) => `Verdicts on a crowd of ${time}`,
    fields: {
      product: 'Product',
      users: 'Buyers',
      rate: 'Buyers per second',
      units: 'Reset to so many units first (empty: leave the stock)',
      mode: 'Way',
    },
    modes: { both: 'Sync and async, by a coin', sync: 'Sync', async: 'Async' },
    states: {
      none: 'No crowd has been here yet.',
      running: 'The crowd is buying …',
      done: 'The crowd is through.',
      failed: 'The crowd came to no verdict.',
      stopped: 'The crowd was stopped.',
    },
    figures: {
      elapsed: 'Elapsed',
      offered: 'Offered',
      answered: 'Answered',
      sold: 'Sold',
      refused: 'Refused',
      p99: 'p99',
    },
  },
};
