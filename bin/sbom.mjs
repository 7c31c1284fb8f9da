// `npm run sbom`: what the program consists of, as CycloneDX JSON, dist/pulsecart.cdx.json: every package of package-lock.json that
// is there at run time, with its version, hash and licence. `npm run sbom -- <file>` writes it there instead. npm makes it, without
// a network and without node_modules.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { npmCommand } from './check/npm.mjs';
import { ROOT } from './check/run.mjs';

const outfile = resolve(process.argv[2] ?? join(ROOT, 'dist', 'pulsecart.cdx.json'));
const [command, ...before] = npmCommand();
const args = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'];
const { status, stdout, stderr } = spawnSync(command, [...before, ...args], {
  cwd: ROOT,
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
});
if (status !== 0) {
  console.error(`pulsecart: npm cannot make the list (it takes npm 10 or newer):\n${stderr || stdout}`);
  process.exit(1);
}
const list = JSON.parse(stdout);
// npm takes the folder's name for the program's, and its own `--omit=dev` leaves out what a development package uses, too.
const { name, packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
const refs = new Set(
  Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`),
);
list.metadata.component.name = name;
list.components = list.components.filter((part) => refs.has(part['bom-ref']));
list.dependencies = list.dependencies
  .filter(({ ref }) => refs.has(ref) || ref === list.metadata.component['bom-ref'])
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) }));
mkdirSync(dirname(outfile), { recursive: true });
writeFileSync(outfile, `${JSON.stringify(list, null, 2)}\n`);
console.log(`${relative(process.cwd(), outfile)}  ${list.components.length} packages`);
