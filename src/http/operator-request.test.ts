import { afterAll, expect, test } from 'bun:test';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { createTrustedProxies } from './client-address.ts';
import { readOperatorRequest } from './operator-request.ts';
import { json } from './respond.ts';
import { Reason } from './schemas.ts';

const TOKEN = 'a-token-of-enough-characters';
const check = Compile(
  Type.Object({
    units: Type.Integer({ minimum: 1 }),
    name: Type.Optional(Type.String({ pattern: '^x' })),
    reason: Reason,
  }),
);
const checkClosed = Compile(Type.Object({ reason: Reason }, { additionalProperties: false }));
const EXPECTED = { name: 'name must begin with x' };

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(req, bun) {
    const service = {
      operators: { token: TOKEN, trustsThisMachine: false },
      trustedProxies: createTrustedProxies([]),
    };
    if (new URL(req.url).pathname === '/closed') {
      const closed = await readOperatorRequest(req, bun, service, 'operator', checkClosed);
      return closed instanceof Response ? closed : json(closed.body);
    }
    const read = await readOperatorRequest(req, bun, service, 'operator', check, EXPECTED);
    if (read instanceof Response) return read;
    return json(read.entry('units.add', 'product/3', { units: read.body.units }));
  },
});
afterAll(() => server.stop(true));

const GOOD = { units: 5, reason: 'a lorry came' };

async function ask(body: unknown, headers: Record<string, string> = {}, path = '/') {
  const response = await fetch(new URL(path, server.url), {
    method: 'POST',
    headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    // biome-ignore lint/suspicious/noExplicitAny: the shape is what is checked.
    json: (await response.json()) as any,
  };
}

test('the call of an operator becomes an entry for the log', async () => {
  const { json: operation } = await ask(GOOD);
  expect(operation).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
    actor: 'operator',
    action: 'units.add',
    subject: 'product/3',
    reason: 'a lorry came',
    details: { units: 5 },
  });
  expect((await ask(GOOD, { 'X-Operator': 'grace@warehouse' })).json.actor).toBe('grace@warehouse');
});

test('B23 the name of a person is one: spaces, and UTF-8 in both ways that clients can send it', async () => {
  for (const name of ['Grace Hopper', 'Jürgen Größe', '山田 太郎', 'ж'.repeat(64)]) {
    const raw = Buffer.from(name).toString('latin1');
    const encoded = `UTF-8''${encodeURIComponent(name)}`;
    for (const value of [raw, encoded])
      expect((await ask(GOOD, { 'X-Operator': value })).json.actor).toBe(name);
  }
});

test('who is no operator is told so before anything is read', async () => {
  const refused = await ask('not even JSON', { Authorization: 'Bearer nonsense' });
  expect(refused).toMatchObject({ status: 401, type: 'application/problem+json' });
  expect(refused.json.code).toBe('unauthorized');
});

const BAD: [why: string, body: unknown, field: string, says: RegExp][] = [
  ['is no JSON', '{', 'body', /not valid JSON/],
  ['is no object', '[]', 'body', /JSON object/],
  ['has no reason', { units: 5 }, 'reason', /1 to 500/],
  ['has an empty reason', { ...GOOD, reason: '' }, 'reason', /1 to 500/],
  ['has a reason of spaces', { ...GOOD, reason: '   ' }, 'reason', /1 to 500/],
  ['has a reason that is too long', { ...GOOD, reason: 'x'.repeat(501) }, 'reason', /1 to 500/],
  ['has a reason that no store keeps', { ...GOOD, reason: 'a\0b' }, 'reason', /control characters/],
  ['has a number out of range', { ...GOOD, units: 0 }, 'units', /^units must be >= 1$/],
  ['lacks a field', { reason: 'x' }, 'units', /^units is required$/],
  ['has a field with a sentence of its own', { ...GOOD, name: 'y' }, 'name', /^name must begin with x$/],
  ['reaches for the prototype', '{"units":5,"reason":"x","__proto__":{}}', '__proto__', /not an allowed/],
];

test.each(BAD)('a body that %s is refused by its field', async (_why, body, field, says) => {
  const { status, type, json: said } = await ask(body);
  expect({ status, type }).toEqual({ status: 400, type: 'application/problem+json' });
  expect(said).toMatchObject({ code: 'invalid_request', field });
  expect(said.detail).toMatch(says);
});

test('a field that nobody knows is refused by its name, whatever that is', async () => {
  for (const field of ['note', 'constructor', 'toString', '']) {
    const { status, json: said } = await ask({ reason: 'x', [field]: 1 }, {}, '/closed');
    const detail = `${field || '""'} is not a known field`;
    expect({ status, ...said }).toMatchObject({ status: 400, field, detail });
  }
});

test('a body of another type or too large is refused', async () => {
  expect((await ask(GOOD, { 'Content-Type': 'text/plain' })).status).toBe(415);
  expect((await ask({ ...GOOD, note: 'x'.repeat(17_000) })).status).toBe(413);
});

test('a name that does not fit the log, or belongs to the service itself, is refused', async () => {
  for (const name of ['x'.repeat(65), 'system', 'System', 'J\xfcrgen', "UTF-8''%20", "UTF-8''a%0Ab"]) {
    const { status, json: said } = await ask(GOOD, { 'X-Operator': name });
    expect({ status, field: said.field }).toEqual({ status: 400, field: 'X-Operator' });
  }
});
