import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { runToEnd } from '../../../tests/support/command.ts';
import { type EmbeddedShop, openShop } from '../../../tests/support/shop.ts';
import { CODES } from '../codes.ts';
import { EXAMPLE_ORIGIN } from '../docs/example-request.ts';
import { readGuide } from '../docs/guide.ts';
import { prose } from '../docs/prose.ts';
import { sample } from '../docs/sample.ts';
import { dayOf } from '../example-times.ts';
import { openApiDocument } from '../openapi.ts';
import { createRoutes } from '../routes.ts';
import type { Service } from '../service.ts';

const document = openApiDocument(createRoutes({} as Service), '1.2.3', Date.now());
const guide = readGuide(document);
const operations = guide.groups.flatMap((group) => group.operations);

/** A page of documentation that needs more than this for a route has become something else. */
const SHORT_BYTES_PER_ROUTE_MAX = 1_100;

let shop: EmbeddedShop;
let page: string;
beforeAll(async () => {
  shop = await openShop();
  page = (await shop.get('/docs')).text;
});
afterAll(() => shop[Symbol.asyncDispose]());

describe('/docs', () => {
  test('shows every operation, parameter, field and code of the API', () => {
    const ids = new Set(idsIn(page));
    const described = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    expect(operations.map(({ id }) => id).toSorted()).toEqual(
      described.map((one) => one.operationId).toSorted(),
    );
    expect(operations.filter(({ id }) => !ids.has(id))).toEqual([]);
    expect(guide.shapes.filter(({ name }) => !ids.has(`shape-${name}`))).toEqual([]);
    expect(CODES.filter(({ code }) => !ids.has(`code-${code}`))).toEqual([]);
    const fields = operations.flatMap(({ parameters, body }) => [...parameters, ...(body?.fields ?? [])]);
    expect(fields.filter(({ name }) => !page.includes(`<dt><code>${name}</code>`))).toEqual([]);
  });

  test('says of every code that an answer is described with what it means', () => {
    const described = operations.flatMap(({ answers }) =>
      answers
        .filter(({ status }) => /^[45]/.test(status))
        .flatMap(({ description }) =>
          [...description.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, code]) => code!),
        ),
    );
    expect(described.length).toBeGreaterThan(50);
    expect(described.filter((code) => !CODES.some((one) => one.code === code))).toEqual([]);
  });

  test('has an id only once, and no link within the page that leads nowhere', () => {
    const ids = idsIn(page);
    expect(ids.toSorted()).toEqual([...new Set(ids)].toSorted());
    const links = [...page.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id!);
    expect(links.filter((id) => !ids.includes(id))).toEqual([]);
  });

  test('asks for nothing else, and its policy would not let it', async () => {
    const { headers } = await shop.get('/docs');
    const policy = headers.get('content-security-policy')!;
    expect(policy).toStartWith("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    for (const kind of ['style', 'script']) {
      const texts = [...page.matchAll(new RegExp(`<${kind}>(.*?)</${kind}>`, 'gs'))].map(([, text]) => text!);
      expect(texts.length).toBeGreaterThan(0);
      const hashes = texts.map((text) => new Bun.CryptoHasher('sha256').update(text).digest('base64'));
      expect(policy).toContain(`${kind}-src ${hashes.map((hash) => `'sha256-${hash}'`).join(' ')};`);
    }
    expect(policy).toContain("require-trusted-types-for 'script'");
    const targets = [...page.matchAll(/ (?:src|href|action|srcset)="([^"]*)"/g)].map(([, target]) => target!);
    expect(targets.filter((target) => !/^(#|data:,|\/(openapi\.json|ops)?$)/.test(target))).toEqual([]);
    expect(page).not.toMatch(/ style="|@import|url\(/);
  });

  test('is small, and smaller for whoever takes gzip', async () => {
    const accepting = (encodings: string) =>
      fetch(`${shop.url}/docs`, { decompress: false, headers: { 'Accept-Encoding': encodings } });
    const [plain, short] = await ofOneDay(() => Promise.all(['identity', 'br, gzip'].map(accepting)));
    expect(plain!.headers.get('content-encoding')).toBeNull();
    expect(short!.headers.get('content-encoding')).toBe('gzip');
    const bytes = await short!.arrayBuffer();
    expect(bytes.byteLength).toBeLessThan(SHORT_BYTES_PER_ROUTE_MAX * operations.length);
    expect(new TextDecoder().decode(Bun.gunzipSync(new Uint8Array(bytes)))).toBe(await plain!.text());
    const refused = await accepting('gzip;q=0');
    expect(refused.headers.get('content-encoding')).toBeNull();
  });
});

test.each(['/docs', '/openapi.json'])('%s answers HEAD, and 304 to whoever has it', async (path) => {
  const [head, again] = await ofOneDay(async () => {
    const first = await shop.call('HEAD', path);
    return [
      first,
      await shop.get(path, { 'If-None-Match': `"other", ${first.headers.get('etag')}` }),
    ] as const;
  });
  expect([head.status, head.text]).toEqual([200, '']);
  const etag = head.headers.get('etag')!;
  expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
  expect((await shop.get(path, { 'If-None-Match': '"other"' })).status).toBe(200);
});

describe.skipIf(Bun.which('curl') === null)('the command of each operation', () => {
  test.each(operations.map((operation) => [operation.id, operation] as const))(
    '%s is answered as described',
    async (_, { samples: { curl }, answers }) => {
      // A stream would go on for ever.
      const once = curl.replace('curl', "curl -s -o /dev/null -w '%{http_code}' --max-time 5");
      const { stdout } = await runToEnd(['bash', '-c', once.replace(EXAMPLE_ORIGIN, shop.url)]);
      expect(answers.map(({ status }) => status)).toContain(stdout);
      expect(Number(stdout)).toBeLessThan(500);
      expect(stdout).not.toBe('400');
    },
  );
});

test('a JSON example keeps every character when it is coloured', () => {
  const text = JSON.stringify({ 'a "b"': [1.5e-7, -2, true, null, 'x\\" <y> & \n'], c: {} }, null, 2);
  const shown = sample(text)
    .map((piece) => piece.text)
    .join('');
  const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
  expect(shown.replace(/<[^>]+>/g, '').replace(/&([^;]+);/g, (_, name) => entities[name]!)).toBe(text);
});

test('a description becomes paragraphs, tables, code and links, and nothing in it becomes HTML', () => {
  const shown = prose(
    'See `a<b>` & [Order](#/components/schemas/Order).\n\n| a | b |\n|---|---|\n| `<x>` | y |',
  );
  expect(shown.map(({ text }) => text)).toEqual([
    '<p>See <code>a&lt;b&gt;</code> &amp; <a href="#shape-Order">Order</a>.</p>',
    '<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">a</th><th scope="col">b</th></tr></thead>' +
      '<tbody><tr><td><code>&lt;x&gt;</code></td><td>y</td></tr></tbody></table></div>',
  ]);
});

/** Each day has its own documents; what is compared must not be from two of them. */
async function ofOneDay<T>(ask: () => Promise<T>): Promise<T> {
  const today = dayOf(Date.now());
  const answers = await ask();
  return dayOf(Date.now()) === today ? answers : ask();
}

function idsIn(html: string): string[] {
  return [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!);
}
