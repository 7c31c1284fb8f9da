import type { Order, Product, Tracking } from '../../pages/shapes.ts';
import type { Handler, Route } from '../route.ts';

/** What the pages read, by the id of its route. */
interface Answers {
  readonly listProducts: { readonly products: readonly Product[]; readonly next: number | null };
  readonly readProduct: Product;
  readonly readOrder: Order;
  readonly track: Tracking;
}

/**
 * Reads what a page shows as its reader's own script would: by the routes of the API, with what they allow. Null where the route answers
 * that there is nothing; rejects with what it says otherwise.
 */
export type PageReader = <Id extends keyof Answers>(
  server: Bun.Server<unknown>,
  id: Id,
  params?: Readonly<Record<string, string>>,
  search?: string,
) => Promise<Answers[Id] | null>;

export function createPageReader(routes: readonly Route[]): PageReader {
  return async (server, id, params = {}, search = '') => {
    const { handle, path } = routes.find((route) => route.id === id)!;
    const req = Object.assign(new Request(`http://localhost${path}${search}`), { params });
    const answer = await (handle as Handler)(req as never, server);
    if (answer.status === 404) return null;
    const body = await answer.json();
    if (!answer.ok) throw new Error(`${id} answered ${answer.status}: ${body.message ?? body.detail}`);
    return body;
  };
}
