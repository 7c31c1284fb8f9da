import type { Catalog } from './catalog.ts';
import type { Feed } from './feed.ts';
import type { Forms } from './operation-forms.ts';
import type { RushWatch } from './rush.ts';
import type { Session } from './session.ts';

/** What the sections of the console share. */
export interface Tools {
  readonly session: Session;
  readonly catalog: Catalog;
  readonly feed: Feed;
  readonly forms: Forms;
  readonly rush: RushWatch;
  readonly development: boolean;
}
