import { type ReadonlySignal, signal } from '@preact/signals';

/** Where the console is, as the fragment of its address says: `#products/3`, `#orders?status=paid`. */
export const SECTIONS = ['live', 'products', 'orders', 'dead-letters', 'log', 'audit', 'crowd'] as const;
export type Section = (typeof SECTIONS)[number];

export interface Place {
  readonly section: Section;
  /** What of the section: a product's id. */
  readonly id: string | null;
  readonly query: URLSearchParams;
}

const START: Place = { section: 'live', id: null, query: new URLSearchParams() };
const place = signal<Place>(START);

export const here: ReadonlySignal<Place> = place;

/** Follows the address from now on. Returns what ends it. */
export function followAddress(): () => void {
  const read = () => {
    place.value = placeOf(location.hash) ?? place.value;
  };
  read();
  addEventListener('hashchange', read);
  return () => removeEventListener('hashchange', read);
}

/** Null where the fragment is another part of the page, like its content for those who skip the top. */
export function placeOf(fragment: string): Place | null {
  if (fragment === '' || fragment === '#') return START;
  const [path = '', query = ''] = fragment.slice(1).split(/\?(.*)/s);
  const [name, id = null] = path.split('/');
  const section = SECTIONS.find((one) => one === name);
  return section ? { section, id, query: new URLSearchParams(query) } : null;
}

/** The fragment of a place. What is empty is left out of its query. */
export function linkTo(section: Section, query: Readonly<Record<string, string>> = {}, id?: string | number) {
  const given = Object.entries(query).filter(([, value]) => value !== '');
  const search = given.length > 0 ? `?${new URLSearchParams(given)}` : '';
  return `#${section}${id === undefined ? '' : `/${id}`}${search}`;
}

export function goTo(fragment: string): void {
  location.hash = fragment;
}
