import type { Catalog } from './catalog.ts';
import type { Desk } from './desk.ts';
import type { Feed } from './feed.ts';
import type { RushWatch } from './rush.ts';
import type { Session } from './session.ts';

/** What the sections of the console share. */
export interface Tools {
  readonly session: Session;
  readonly catalog: Catalog;
  readonly feed: Feed;
  readonly desk: Desk;
  readonly rush: RushWatch;
  readonly development: boolean;
}
