/**
 * The path and the query that a request asked for (RFC 9112, 3.2). They need no host: Bun's `url` is the path alone where the
 * request named none (HTTP/1.0), or one that no URL can hold, and `new URL` refuses some that it leaves in (`xn--a.example`).
 */

/** As it was sent, percent-encoding included. */
export function pathOf(req: Request): string {
  const target = targetOf(req.url);
  const end = target.search(/[?#]/);
  return end === -1 ? target : target.slice(0, end);
}

export function queryOf(req: Request): URLSearchParams {
  const [, query = ''] = /\?([^#]*)/.exec(targetOf(req.url)) ?? [];
  return new URLSearchParams(query);
}

function targetOf(url: string): string {
  if (url.startsWith('/')) return url;
  const path = url.indexOf('/', url.indexOf('://') + 3);
  return path === -1 ? '/' : url.slice(path);
}
