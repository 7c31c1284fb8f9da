import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import lock from '../../package-lock.json' with { type: 'json' };
import { MACHINE, ROOT, runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { readDocument } from './documents.ts';

/** What comes with the program: under which licences, with which known holes, and listed for those who ask. */

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
}

const packages = Object.entries(lock.packages as unknown as Record<string, Locked>).filter(
  ([path]) => path !== '',
);
const shipped = packages.filter(([, { dev }]) => !dev);
const TIMEOUT_MS = 60_000;
/** One that no other package uses, and what a registry has of it. */
const PACKAGE = 'uplot';
const VERSION = packageJson.dependencies[PACKAGE];
const VERSIONS = {
  name: PACKAGE,
  'dist-tags': { latest: VERSION },
  versions: { [VERSION]: { name: PACKAGE, version: VERSION } },
};

describe('licences', () => {
  /** As docs/dependencies.md says. The second kind asks for what nobody who only runs tests has to give. */
  const [always = [], inTests = []] = ['At run time', 'In development alone'].map((kind) => {
    const [, ids = ''] =
      new RegExp(`^- ${kind}: (.*)$`, 'm').exec(readDocument('docs/dependencies.md')) ?? [];
    return [...ids.matchAll(/`([^`]+)`/g)].map(([, id]) => id!);
  });

  test('of what the program is made of are those that docs/dependencies.md names, and no other', () => {
    expect(always.length).toBeGreaterThan(3);
    expect(refused(shipped, always)).toEqual([]);
    const used = new Set(shipped.flatMap(([, { license }]) => idsIn(license)));
    expect(always.filter((id) => !used.has(id))).toEqual([]);
  });

  test('of what develops it are those, and one that asks for changes of its own files alone', () => {
    expect(refused(packages, [...always, ...inTests])).toEqual([]);
  });

  test('that ask for the source of a service, or forbid one, are none of them', () => {
    for (const id of [...always, ...inTests])
      expect(id).not.toMatch(/GPL|SSPL|BUSL|BSL-1|Elastic|Commons-Clause|PolyForm|FSL|UNLICENSED/i);
  });

  test('are what the installed packages say of themselves', () => {
    const installed = packages.filter(([path]) => existsSync(join(ROOT, path, 'package.json')));
    expect(installed.length).toBeGreaterThan(50);
    for (const [path, { license }] of installed) {
      const own = JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8')).license;
      if (own !== undefined) expect([path, own.type ?? own]).toEqual([path, license]);
    }
  });

  function refused(asked: typeof packages, allowed: readonly string[]) {
    return asked.filter(([, { license }]) => {
      const ids = idsIn(license);
      return ids.length === 0 || !ids.every((id) => allowed.includes(id));
    });
  }

  /** The names in an SPDX expression; each has to be allowed, also where one of them would do. */
  function idsIn(expression = ''): string[] {
    return expression
      .replace(/[()]/g, '')
      .split(/ (?:OR|AND|WITH) /)
      .filter(Boolean);
  }
});

test(
  'the list of parts is CycloneDX, and has each package of the program with its hash and licence',
  async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'parts.json');
    const { exit, stdout, stderr } = await runToEnd(['node', 'bin/sbom.mjs', file]);
    expect([exit, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^\S+parts\.json {2}\d+ packages\n$/);
    const list = JSON.parse(readFileSync(file, 'utf8'));
    expect(list).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: expect.stringMatching(/^1\.[5-9]$/),
      version: 1,
    });
    expect(list.serialNumber).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
    const { name, version } = packageJson;
    expect(list.metadata.component).toMatchObject({
      name,
      version,
      type: 'application',
      purl: `pkg:npm/${name}@${version}`,
    });
    const refs = new Set<string>();
    for (const part of list.components) {
      refs.add(part['bom-ref']);
      expect(part.purl).toMatch(/^pkg:npm\/[^@]+@[\w.+-]+$/);
      expect([part.name, part.hashes[0].alg, part.licenses.length]).toEqual([part.name, 'SHA-512', 1]);
    }
    const named = shipped.map(([path, one]) => `${path.split('node_modules/').at(-1)}@${one.version}`);
    expect([...refs].toSorted()).toEqual([...new Set(named)].toSorted());
    for (const { ref, dependsOn } of list.dependencies) {
      if (ref !== list.metadata.component['bom-ref']) expect(refs).toContain(ref);
      for (const other of dependsOn) expect(refs).toContain(other);
    }
  },
  TIMEOUT_MS,
);

describe('known holes', () => {
  const hole = {
    id: 1,
    url: 'https://example.com/1',
    title: 'Lets anybody in',
    vulnerable_versions: '<99',
    cwe: [],
  };
  let registry: Bun.Server<unknown>;
  let says: unknown;
  beforeAll(() => {
    registry = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch(req) {
        if (says === null) return new Response('no', { status: 405 });
        return Response.json(new URL(req.url).pathname === `/${PACKAGE}` ? VERSIONS : says);
      },
    });
  });
  afterAll(() => registry.stop(true));

  async function advisories(answer: unknown, at = registry.url.origin) {
    says = answer;
    using cache = temporaryFolder();
    const own = { npm_config_registry: at, npm_config_cache: cache.path, npm_config_audit: 'true' };
    return runToEnd(['node', 'bin/advisories.mjs'], { env: { ...MACHINE, ...own } });
  }

  test(
    'end the check with their names where they are grave, and not where they are lesser',
    async () => {
      const grave = await advisories({ [PACKAGE]: [{ ...hole, severity: 'critical' }] });
      expect([grave.exit, grave.stderr]).toEqual([1, '']);
      expect(grave.stdout).toContain('critical: uplot *: Lets anybody in https://example.com/1\n');
      const lesser = await advisories({ [PACKAGE]: [{ ...hole, severity: 'moderate' }] });
      expect(lesser).toMatchObject({ exit: 0, stdout: expect.stringContaining('0 grave, 1 lesser') });
      expect(await advisories({})).toMatchObject({
        exit: 0,
        stdout: expect.stringContaining('0 grave, 0 lesser'),
      });
    },
    TIMEOUT_MS,
  );

  test(
    'are not made up where no registry answers',
    async () => {
      for (const at of [registry.url.origin, 'http://127.0.0.1:1'])
        expect(await advisories(null, at)).toMatchObject({
          exit: 0,
          stdout: expect.stringMatching(/^advisories: not asked: the registry does not say \([^\n]+\)\n$/),
        });
    },
    TIMEOUT_MS,
  );
});
