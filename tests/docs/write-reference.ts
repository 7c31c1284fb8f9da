import { join } from 'node:path';
import { ROOT } from '../support/command.ts';
import { PAGES, upToDate } from './reference.ts';

/** `npm run reference`: brings what docs/reference has from the code up to the code. */
for (const path of PAGES) await Bun.write(join(ROOT, path), upToDate(path));
