import type { StockCache } from '../../app/purchase/stock-cache.ts';
import { tagsIn } from '../conditional.ts';
import type { Parameters } from '../route.ts';
import { wrong } from './inputs.ts';

const TAG = '(W/)?"[!#-~]*"';
export const IF_MATCH: Parameters = {
  'If-Match': {
    // A list of ETags, or any.
    schema: { type: 'string', pattern: `^(\\*|${TAG}( *, *${TAG})*)$` },
    description:
      'The ETag that the operator has seen, or the version alone in quotes, or several of them. A weak one (`W/`, which a proxy that compresses makes of ours) never matches. While a sale runs, nearly every purchase raises the version.',
  },
};

/** The versions in `If-Match`; null when any will do. A weak ETag is none that can be relied on (RFC 9110, 13.1.1). */
export function versionsIn(req: Request): readonly number[] | null | Response {
  const header = req.headers.get('if-match')?.trim() ?? '*';
  if (header === '*') return null;
  const tags = tagsIn(header);
  if (!tags) return wrong(req, 'If-Match', 'If-Match must be ETags of the product, like "12", or *');
  return tags.flatMap(({ isWeak, opaque }) => {
    const version = VERSION.exec(opaque)?.[1];
    return isWeak || version === undefined ? [] : [Number(version)];
  });
}

/** An ETag of the product, or its version alone. */
const VERSION = /^"(\d{1,16})(\.\w+)?"$/;
/** Of no product. */
const NO_VERSION = -1;

/** Of several versions the one that the product has; that one is then compared in the commit of the change. */
export async function seenVersion(
  [first = NO_VERSION, ...more]: readonly number[],
  productId: number,
  stockCache: StockCache,
): Promise<number> {
  if (more.length === 0) return first;
  const now = (await stockCache.refresh(productId))?.version;
  return more.find((version) => version === now) ?? first;
}
