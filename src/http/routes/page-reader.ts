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
 * Reads what a page shows as its reader's own script would: by the routes of the API, with what they allow to the session in its `cookie`. Null
 * where the route answers that there is nothing, or nothing for this reader; rejects with what it says otherwise.
 */
export type PageReader = <Id extends keyof Answers>(
  server: Bun.Server<unknown>,
  id: Id,
  params?: Readonly<Record<string, string>>,
  search?: string,
  cookie?: string | null,
) => Promise<Answers[Id] | null>;

export function createPageReader(routes: readonly Route[]): PageReader {
  return async (server, id, params = {}, search = '', cookie = null) => {
    const { handle, path } = routes.find((route) => route.id === id)!;
    const headers = cookie === null ? {} : { Cookie: cookie };
    const req = Object.assign(new Request(`http://localhost${path}${search}`, { headers }), { params });
    const answer = await (handle as Handler)(req as never, server);
    if (answer.status === 404 || answer.status === 401) return null;
    const body = await answer.json();
    if (!answer.ok) throw new Error(`${id} answered ${answer.status}: ${body.message ?? body.detail}`);
    return body;
  };
}
