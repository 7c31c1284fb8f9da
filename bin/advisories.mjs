// `npm run advisories`: whether a package that the program uses at run time has a known hole, as the package registry knows it (`npm
// audit`). Exit status 1 for a grave one. A registry that does not answer such questions, or none at all, is said, and is no failure:
// nothing was found out.
import { spawnSync } from 'node:child_process';
import { npmCommand } from './check/npm.mjs';
import { ROOT } from './check/run.mjs';

/** Of npm's levels: low, moderate, high, critical. */
const GRAVE = ['high', 'critical'];
/** A registry that takes longer is away; npm itself would ask again for minutes. */
const TIMEOUT_MS = 60_000;

const [command, ...before] = npmCommand();
const { stdout } = spawnSync(
  command,
  [...before, 'audit', '--omit=dev', '--json', '--fetch-retries=1', '--fetch-retry-mintimeout=1000'],
  {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: TIMEOUT_MS,
  },
);
const answer = read(stdout ?? '');
const counts = answer?.metadata?.vulnerabilities;
if (!counts) {
  const why = answer?.message ?? answer?.error?.summary ?? 'it gave no answer';
  console.log(`advisories: not asked: the registry does not say (${String(why).split('\n')[0]})`);
} else {
  const found = Object.values(answer.vulnerabilities ?? {}).filter(({ severity }) =>
    GRAVE.includes(severity),
  );
  for (const { name, severity, range, via } of found) {
    const titles = via.map((one) => (typeof one === 'string' ? one : `${one.title} ${one.url ?? ''}`.trim()));
    console.log(`advisories: ${severity}: ${name} ${range}: ${titles.join('; ')}`);
  }
  const lesser = counts.total - found.length;
  console.log(`advisories: ${found.length} grave, ${lesser} lesser, in what the program uses at run time`);
  process.exitCode = found.length > 0 ? 1 : 0;
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
