/**
 * Whether a page of ours sent this, and no other site's: a browser sends its cookies with both. `Sec-Fetch-Site` says so where the page
 * came by HTTPS or from this machine; elsewhere `Origin` does, which browsers send with each POST.
 */
export function isSameOrigin({ headers }: Request): boolean {
  return siteOf(headers) === 'own';
}

/** Whether another site's page sent this. A program sends neither header, and is no page. */
export function isForeign({ headers }: Request): boolean {
  return siteOf(headers) === 'foreign';
}

function siteOf(headers: Headers): 'own' | 'foreign' | null {
  const site = headers.get('sec-fetch-site');
  if (site !== null) return site === 'same-origin' ? 'own' : 'foreign';
  const origin = headers.get('origin');
  if (origin === null) return null;
  return URL.parse(origin)?.host === headers.get('host') ? 'own' : 'foreign';
}
