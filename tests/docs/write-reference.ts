import { join } from 'node:path';
import { ROOT } from '../support/command.ts';
import { PAGES, SCHEMA_FILE, schemaText, upToDate } from './reference.ts';

/** `npm run reference`: brings what docs/reference has from the code up to the code. */
for (const path of PAGES) await Bun.write(join(ROOT, path), upToDate(path));
await Bun.write(join(ROOT, SCHEMA_FILE), schemaText());
