// `npm run paint`: how soon the storefront is seen and can be used, in a real browser.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitLike, runBun } from './bun.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
exitLike(await runBun([join(root, 'bench', 'pages', 'first-paint.ts'), ...process.argv.slice(2)]));
