// `npm run samples`: writes ANALYSIS_REPORT and benchmarks/ from the results in results/.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitLike, runBun } from './bun.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
exitLike(await runBun([join(root, 'bench', 'report', 'write-samples.ts'), ...process.argv.slice(2)]));
