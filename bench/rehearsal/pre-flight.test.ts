import { expect, test } from 'bun:test';
import { openApi } from '../../src/cli/api.ts';
import { checkAddressLimit, checkServer, checkThisMachine } from './pre-flight.ts';

/** A server that answers pre-flight calls like this. */
async function at<T>(
  fetch: (path: string) => Response,
  look: (api: ReturnType<typeof openApi>) => Promise<T>,
): Promise<T> {
  await using server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (req) => fetch(new URL(req.url).pathname),
  });
  return await look(openApi({ url: server.url.origin, operatorToken: 'of-an-operator', dataFolder: null }));
}

const doctor = (fields: object = {}) =>
  Response.json({ version: '2.0.0', serverTime: new Date().toISOString(), findings: [], ...fields });
const info = (version: string) => Response.json({ app: { name: 'pulsecart', version } });

async function stateOf(name: string, fetch: (path: string) => Response, viewers = 0): Promise<string> {
  const { verdicts } = await at(fetch, (api) => checkServer(api, viewers));
  const found = verdicts.filter((one) => one.name === name).map(({ state }) => state);
  expect(found).toHaveLength(1);
  return found[0]!;
}

test('a limit of open files that is too low for the crowd ends the rehearsal, and says how to raise it', () => {
  expect(checkThisMachine(0, 65_536)).toMatchObject({ state: 'PASS' });
  expect(checkThisMachine(0, 256)).toMatchObject({
    state: 'FAIL',
    detail: '256 at most, the crowd needs 1200: raise it with `ulimit -n 2400` in this shell',
  });
  // Each live viewer holds a connection, too.
  expect(checkThisMachine(2_000, 2_048)).toMatchObject({ state: 'FAIL' });
  expect(checkThisMachine(0, null)).toMatchObject({ state: 'WARN' });
});

test('what the server says of itself is a verdict each, and a limit below the crowd fails', async () => {
  const finding = (state: string, limit?: number) => (path: string) =>
    path === '/actuator/info'
      ? info('2.0.0')
      : doctor({ findings: [{ name: 'open files', state, detail: 'so many', limit }] });
  expect(await stateOf('open files', finding('ok', 65_536))).toBe('PASS');
  expect(await stateOf('open files', finding('note', 2_048))).toBe('WARN');
  expect(await stateOf('open files', finding('note', 1_024))).toBe('FAIL');
  expect(await stateOf('open files', finding('ok', 2_048), 2_000)).toBe('FAIL');
  expect(await stateOf('open files', finding('broken'))).toBe('FAIL');
});

test('a clock that is off is seen, and so is a second version behind the same address', async () => {
  const late = () => doctor({ serverTime: new Date(Date.now() - 60_000).toISOString() });
  expect(
    await stateOf("the server's clock", (path) => (path === '/actuator/info' ? info('2.0.0') : late())),
  ).toBe('WARN');
  let asked = 0;
  const rolling = (path: string) =>
    path === '/actuator/info' ? info(++asked % 2 === 0 ? '2.0.0' : '1.9.0') : doctor();
  expect(await stateOf('versions', rolling)).toBe('FAIL');
  // Health and metrics may have a port of their own.
  const hidden = (path: string) => (path === '/actuator/info' ? new Response('', { status: 404 }) : doctor());
  expect(await stateOf('versions', hidden)).toBe('PASS');
});

test('a server that knows no rehearsals is said', async () => {
  const old = () => Response.json({ message: 'There is nothing here' }, { status: 404 });
  await expect(at(old, (api) => checkServer(api, 0))).rejects.toThrow(/ knows no rehearsals: it is older /);
});

test('a balancer that limits one address is found out before the crowd meets it', async () => {
  let asked = 0;
  const limited = () => new Response('', { status: ++asked > 1_000 ? 429 : 200 });
  expect(await at(limited, (api) => checkAddressLimit(api, 1))).toMatchObject({
    state: 'FAIL',
    detail: expect.stringMatching(/^500 of 1500 requests at once were refused with 429: lift the limit/),
  });
  expect(
    await at(
      () => new Response(''),
      (api) => checkAddressLimit(api, 1),
    ),
  ).toMatchObject({ state: 'PASS' });
});
