import { amountText } from '../../domain/money.ts';
import type { Verdict } from '../../domain/verdict.ts';
import type { Books, BreachName } from '../../ports/books.ts';

/**
 * Proves that the books balance, or shows where they do not. It sees stored rows only; the demo, which has every answer,
 * checks what only a client can know (a lost answer, a 202 without outcome).
 */
export function audit(books: Books): Verdict[] {
  return [
    ...books.products.map(noOversell),
    everyCounterEqualsItsOrders(books),
    everyRoundSoldAtMostItsUnits(books),
    freeUnitsBelongToTheRound(books),
    everyAsyncDecisionIsCounted(books),
    ...BREACH_VERDICTS.map(([breach, name]) => nothingFound(books, breach, name)),
    noMoneyIsLost(books),
  ];
}

const BREACH_VERDICTS: readonly (readonly [BreachName, string])[] = [
  ['ordersOfNoProduct', 'every order has its product'],
  ['repeatedNumbers', 'order numbers are unique per product'],
  ['overdueHolds', 'no hold is overdue'],
  ['holdsOverLimit', 'no customer is above the limit'],
  ['holdingsUnlikeOrders', 'holdings equal the orders behind them'],
  ['ordersDecidedTwice', 'no purchase has two outcomes'],
  ['keysWithoutPurchase', 'every idempotency key leads to its order'],
  ['paidWithoutCapture', 'every paid order was captured'],
  ['capturedWithoutPaid', 'every capture has its paid order'],
  ['capturedTwice', 'no order was captured twice'],
  ['wrongAmount', 'every charge has the exact amount'],
  ['refundingWithoutRefund', 'every order that owes money sends it'],
  ['refundedWithoutRefund', 'every refunded order sent money back'],
];

function noOversell({ id, total, reserved, sold }: Books['products'][number]): Verdict {
  const free = total - reserved - sold;
  return {
    name: `no oversell of product ${id}`,
    pass: reserved >= 0 && sold >= 0 && free >= 0,
    detail: `${total} = ${sold} sold + ${reserved} reserved + ${free} available`,
  };
}

function everyCounterEqualsItsOrders({ products }: Books): Verdict {
  const wrong = products.filter((p) => p.reserved !== p.ordersReserved || p.sold !== p.ordersSold);
  return {
    name: 'counters equal the orders behind them',
    pass: wrong.length === 0,
    detail: wrong.length === 0 ? `${products.length} products` : wrong.map(describe).join('; '),
  };
  function describe(p: Books['products'][number]): string {
    return `product ${p.id}: reserved ${p.reserved} against ${p.ordersReserved}, sold ${p.sold} against ${p.ordersSold}`;
  }
}

function everyRoundSoldAtMostItsUnits({ generations }: Books): Verdict {
  const wrong = generations.filter(({ live, units }) => live > units);
  return {
    name: 'no generation sold more than its units',
    pass: wrong.length === 0,
    detail: wrong
      .map((g) => `product ${g.productId} generation ${g.generation}: ${g.live} of ${g.units}`)
      .join('; '),
  };
}

function freeUnitsBelongToTheRound({ products, generations }: Books): Verdict {
  const wrong = products.filter((p) => {
    const current = generations.find((g) => g.productId === p.id && g.generation === p.generation);
    return !current || p.total - p.reserved - p.sold !== current.units - current.live;
  });
  return {
    name: 'free units equal what the generation has left',
    pass: wrong.length === 0,
    detail: wrong.map((p) => `product ${p.id} generation ${p.generation}`).join('; '),
  };
}

function everyAsyncDecisionIsCounted({ totals }: Books): Verdict {
  const { asyncPruned } = totals;
  const found = totals.asyncOrders + totals.asyncRefused + asyncPruned;
  const forgotten = asyncPruned > 0 ? `, ${asyncPruned} of them deleted since` : '';
  return {
    name: 'every async decision is counted once',
    pass: found === totals.asyncDecided,
    detail: `${totals.asyncDecided} counted, ${found} found${forgotten}`,
  };
}

function noMoneyIsLost({ money }: Books): Verdict {
  const balances = (m: Books['money'][number]) => m.captured - m.refunded - m.onItsWayBack === m.paid;
  return {
    name: 'captured less refunded equals paid',
    pass: money.every(balances),
    detail: money
      .map((m) => {
        const text = (minor: bigint) => amountText(minor, m.currency);
        return (
          `captured ${text(m.captured)} − refunded ${text(m.refunded)} − on its way back ${text(m.onItsWayBack)} ` +
          `${balances(m) ? '=' : '≠'} paid ${text(m.paid)} ${m.currency}`
        );
      })
      .join('; '),
  };
}

function nothingFound({ breaches }: Books, breach: BreachName, name: string): Verdict {
  const { count, examples } = breaches[breach];
  return { name, pass: count === 0, detail: count === 0 ? '' : `${count}: ${examples.join(', ')}` };
}
