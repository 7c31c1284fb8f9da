import type { Answer } from '../client/api.ts';
import { momentOf } from './local-time.ts';
import type { Session } from './session.ts';
import type { FoundOrder } from './shapes.ts';

const FIELDS = ['id', 'customer', 'product', 'status', 'from', 'to', 'before'] as const;

/** What is looked for. Empty is anything; times are as `<input type="datetime-local">` has them. */
export type OrderFilter = Readonly<Record<(typeof FIELDS)[number], string>>;

export interface OrderPage {
  readonly orders: readonly FoundOrder[];
  readonly next: string | null;
}

const PAGE = 50;

export function filterIn(query: URLSearchParams): OrderFilter {
  return Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? ''])) as OrderFilter;
}

/** The same as the API has it. */
export function queryOf({ id: _, from, to, ...rest }: OrderFilter): URLSearchParams {
  const query = new URLSearchParams(Object.entries(rest).filter(([, value]) => value !== ''));
  for (const [name, local] of Object.entries({ from, to })) {
    const moment = momentOf(local);
    if (moment !== null) query.set(name, moment);
  }
  return query;
}

/** An order by its id is read as its buyer would; others are looked for. */
export async function findOrders(session: Session, filter: OrderFilter): Promise<Answer<OrderPage>> {
  if (filter.id === '') {
    const query = queryOf(filter);
    query.set('limit', String(PAGE));
    return session.ask<OrderPage>(`/api/v1/orders?${query}`);
  }
  const answer = await session.ask<FoundOrder>(`/api/v1/orders/${encodeURIComponent(filter.id)}`);
  if (!answer.ok && answer.status === 404) return { ok: true, status: 200, etag: null, body: EMPTY };
  return answer.ok ? { ...answer, body: { orders: [answer.body], next: null } } : answer;
}

const EMPTY: OrderPage = { orders: [], next: null };
