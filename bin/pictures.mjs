// `npm run pictures`: every page as it looks, into docs/pictures.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitLike, runBun } from './bun.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
exitLike(await runBun([join(root, 'bench', 'pages', 'pictures.ts'), ...process.argv.slice(2)]));
