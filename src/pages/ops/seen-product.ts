import type { Answer, Call } from '../client/api.ts';
import { dayAndSecond, money, whole } from '../format.ts';
import { OPS } from '../text.ts';
import type { Catalog } from './catalog.ts';
import type { Difference } from './operation-forms.ts';
import type { Session } from './session.ts';
import type { SaleProduct } from './shapes.ts';

/** The same product, as the operator saw it and as it is: only what other operators change, for buyers raise the version all the time. */
export type Sent<T> = Answer<T> | { readonly ok: 'conflict'; readonly changes: readonly Difference[] };

/** Buyers may be faster than one answer; operators are not. */
const TRIES = 4;
const PAUSE_MS = 300;

/**
 * Changes the product only as long as it is what the operator saw. A version that buyers have raised is asked for again; where they raise it
 * faster than it can be read, what operators have set is compared once more and the change is sent without a version.
 */
export function createSeenProduct(session: Session, catalog: Catalog, first: SaleProduct) {
  let seen = first;

  async function readAgain(): Promise<readonly Difference[] | null> {
    const answer = await session.ask<SaleProduct>(`/api/v1/products/${seen.productId}`);
    if (!answer.ok) return null;
    // What is read may be a quarter of a second old; what came on screen with an answer is not.
    if (answer.body.version < seen.version) return [];
    const changes = differences(seen, answer.body);
    seen = answer.body;
    catalog.heard(seen);
    return changes;
  }

  return {
    /** For routes that take `If-Match`. */
    async send(path: string, what: Call): Promise<Sent<SaleProduct>> {
      for (let tries = 1; ; tries++) {
        const match = tries > TRIES ? '*' : `"${seen.version}"`;
        const answer = await session.ask<SaleProduct>(path, {
          ...what,
          headers: { ...what.headers, 'If-Match': match },
        });
        if (answer.ok) catalog.heard(answer.body);
        if (answer.ok || answer.code !== 'version_mismatch') return answer;
        if (tries > 1) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        const changes = await readAgain();
        if (changes === null) return answer;
        if (changes.length > 0) return { ok: 'conflict', changes };
      }
    },

    /** For routes that do not: looked at just before. */
    async sendUnversioned<T>(path: string, what: Call): Promise<Sent<T>> {
      const changes = await readAgain();
      if (changes !== null && changes.length > 0) return { ok: 'conflict', changes };
      const answer = await session.ask<T>(path, what);
      if (answer.ok) await readAgain();
      return answer;
    },
  };
}

/** What operators set, in words. */
function differences(seen: SaleProduct, now: SaleProduct): Difference[] {
  return (Object.keys(SET_BY_OPERATORS) as (keyof typeof SET_BY_OPERATORS)[])
    .map((field) => ({
      name: OPS.product[field],
      seen: SET_BY_OPERATORS[field](seen),
      now: SET_BY_OPERATORS[field](now),
    }))
    .filter(({ seen, now }) => seen !== now);
}

const time = (iso: string | null) => (iso === null ? OPS.product.noTime : dayAndSecond(iso));
const yes = (value: boolean) => (value ? OPS.product.yes : OPS.product.no);

const SET_BY_OPERATORS = {
  name: ({ name }: SaleProduct) => name,
  price: ({ priceMinor, currency }: SaleProduct) => money(priceMinor, currency),
  description: ({ description }: SaleProduct) => description ?? OPS.product.none,
  imageUrl: ({ imageUrl }: SaleProduct) => imageUrl ?? OPS.product.none,
  opensAt: ({ opensAt }: SaleProduct) => time(opensAt),
  closesAt: ({ closesAt }: SaleProduct) => time(closesAt),
  perCustomerLimit: ({ perCustomerLimit }: SaleProduct) =>
    perCustomerLimit === null ? OPS.product.none : whole(perCustomerLimit),
  customerRequired: ({ customerRequired }: SaleProduct) => yes(customerRequired),
  holdSeconds: ({ holdSeconds }: SaleProduct) => OPS.product.seconds(holdSeconds),
  paused: ({ paused }: SaleProduct) => yes(paused),
  generation: ({ generation }: SaleProduct) => whole(generation),
  total: ({ total }: SaleProduct) => whole(total),
} as const;
