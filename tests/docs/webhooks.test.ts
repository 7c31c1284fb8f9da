import { expect, test } from 'bun:test';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signedHeaders } from '../../src/app/webhooks/signature.ts';
import { temporaryFolder } from '../support/folder.ts';
import { readDocument } from './documents.ts';

/** The code that docs/operating/webhooks.md gives to shops takes what we sign, and nothing else. */

const document = readDocument('docs/operating/webhooks.md');
const codeIn = (language: string) => new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(document)![1]!;
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const OTHER = `whsec_${btoa('o'.repeat(24))}`;
const BODY = '{"type":"order.paid","data":{"customer":"Zoë"}}';
const PYTHON = '/usr/bin/python3';

const MINUTE_MS = 60_000;
const CASES: readonly [
  name: string,
  taken: boolean,
  headers: Readonly<Record<string, string>>,
  body: string,
][] = [
  ['signed', true, signedHeaders([SECRET], 'msg_1', Date.now(), BODY), BODY],
  ['signed by two', true, signedHeaders([OTHER, SECRET], 'msg_1', Date.now(), BODY), BODY],
  ['signed by another', false, signedHeaders([OTHER], 'msg_1', Date.now(), BODY), BODY],
  ['changed', false, signedHeaders([SECRET], 'msg_1', Date.now(), BODY), BODY.replace('paid', 'lost')],
  [
    'of another id',
    false,
    { ...signedHeaders([SECRET], 'msg_1', Date.now(), BODY), 'webhook-id': 'msg_2' },
    BODY,
  ],
  ['old', false, signedHeaders([SECRET], 'msg_1', Date.now() - 10 * MINUTE_MS, BODY), BODY],
];

test('the example is signed by its secret', () => {
  const example = codeIn('http');
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(example)![1]!;
  const body = /^\{.*\}$/m.exec(example)![0];
  const nowMs = 1000 * Number(header('webhook-timestamp'));
  expect(signedHeaders([SECRET], header('webhook-id'), nowMs, body)['webhook-signature']).toBe(
    header('webhook-signature'),
  );
});

test('the JavaScript takes what is signed and refuses the rest', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'verify.mjs');
  writeFileSync(file, codeIn('js'));
  const { verify } = await import(file);
  for (const [name, taken, headers, body] of CASES) {
    const told = () => verify(headers, body, SECRET);
    if (taken) expect(told()).toMatchObject({ data: { customer: 'Zoë' } });
    else expect(told, name).toThrow();
  }
});

test.skipIf(!existsSync(PYTHON))('the Python takes what is signed and refuses the rest', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'verify.py');
  const run = `
import sys
for headers, body, secret in json.load(sys.stdin):
    try:
        print(verify(headers, body.encode(), secret)["data"]["customer"] == "Zo\\u00eb")
    except ValueError:
        print("refused")
`;
  writeFileSync(file, codeIn('python') + run);
  const child = Bun.spawn([PYTHON, file], {
    stdin: Buffer.from(JSON.stringify(CASES.map(([, , headers, body]) => [headers, body, SECRET]))),
  });
  const lines = (await new Response(child.stdout).text()).trim().split('\n');
  expect(lines).toEqual(CASES.map(([, taken]) => (taken ? 'True' : 'refused')));
});
