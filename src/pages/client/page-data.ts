import type { PageData } from '../shapes.ts';

/** What the server made the page from. */
export function readPageData<T extends PageData>(): T {
  return JSON.parse(document.getElementById('data')!.textContent!);
}
