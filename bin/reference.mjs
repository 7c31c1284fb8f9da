// `npm run reference`: writes the parts of docs/reference that come from the code.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitLike, runBun } from './bun.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
exitLike(await runBun([join(root, 'tests', 'docs', 'write-reference.ts')]));
