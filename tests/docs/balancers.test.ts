import { expect, test } from 'bun:test';
import { BODY_BYTES_MAX } from '../../src/http/json-body.ts';
import { readDocument } from './documents.ts';

/** deploy/balancers.env, the files that read it, and the page about them. What they do is tested in tests/deploy. */

const HAPROXY = 'deploy/haproxy/haproxy.cfg';
const NGINX = 'deploy/nginx/nginx.conf.template';
const TLS = 'deploy/nginx/tls.conf.template';
const DERIVED = 'deploy/nginx/derived.envsh';

const variables = new Map(
  [...readDocument('deploy/balancers.env').matchAll(/^(\w+)=\$\{(\w+):-(.*)\}$/gm)].map(
    ([, name, again, preset]) => {
      expect(again).toBe(name);
      return [name!, preset!] as const;
    },
  ),
);
const namesIn = (path: string) => new Set(readDocument(path).match(/\bBALANCER_[A-Z0-9_]+/g));

test('deploy/balancers.env has each variable of the two, and no other', () => {
  const derived = new Set(readDocument(DERIVED).match(/^BALANCER_\w+(?==)/gm));
  expect(derived.size).toBe(3);
  const used = new Set([HAPROXY, NGINX, TLS, DERIVED].flatMap((path) => [...namesIn(path)]));
  expect([...used.difference(derived)].toSorted()).toEqual([...variables.keys()].toSorted());
});

test('docs/operating/balancers.md has them with their defaults', () => {
  const rows = [...readDocument('docs/operating/balancers.md').matchAll(/^\| (`BALANCER_.*?) \| (.*?) \|/gm)];
  const told = new Map<string, string>();
  for (const [, names, presets] of rows) {
    const values = presets!.match(/(?<=`)[^`, ]+(?=`)/g);
    names!.match(/BALANCER_\w+/g)!.forEach((name, i) => void told.set(name, values?.[i] ?? presets!));
  }
  expect([...told.keys()].toSorted()).toEqual([...variables.keys()].toSorted());
  for (const [name, preset] of told)
    if (!/^[a-z ]+$/.test(preset)) expect([name, preset]).toEqual([name, variables.get(name)!]);
});

test('both take bodies as large as the program does', () => {
  expect(readDocument(HAPROXY)).toContain(`req.body_size gt ${BODY_BYTES_MAX} }`);
  expect(readDocument(NGINX)).toContain(`client_max_body_size ${BODY_BYTES_MAX / 1024}k;`);
  for (const path of [HAPROXY, NGINX])
    expect(readDocument(path)).toContain(`larger than ${BODY_BYTES_MAX} bytes`);
});
