import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readyLine } from '../../bench/server-process.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { distributedBackends } from '../support/backends.ts';
import { MACHINE, MAIN, runPulsecart, runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ownBackends } from '../support/own-backends.ts';
import { type EmbeddedShop, openShop } from '../support/shop.ts';
import { startStripe } from '../support/stripe/stand-in.ts';
import { stripeSettings } from '../support/stripe-shop.ts';

/** Every command: that its help tells the truth, and that a mistake is one line. */

const COMMANDS = [
  'serve',
  'worker',
  'demo',
  'rush',
  'rehearse',
  'bench',
  'report',
  'plan',
  'audit',
  'payments',
  'backup',
  'health',
  'doctor',
  'token',
  'seed',
  'dlq',
  'migrate',
  'reset',
];
/** They run until somebody stops them. */
const STAYING = ['serve', 'worker'];
/** A sale, or a measurement, on a machine that runs other tests beside it. */
const EXAMPLE_TIMEOUT_MS = 120_000;

test('the overview and the npm scripts have every command', async () => {
  const { stdout } = await runPulsecart(['--help']);
  expect([...stdout.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name!)).toEqual(COMMANDS);
  const { stderr } = await runPulsecart(['nonsense']);
  expect(stderr).toContain(`Accepted: ${COMMANDS.join(', ')}`);
  const scripts: Record<string, string> = packageJson.scripts;
  for (const name of COMMANDS) expect(scripts[name]).toBe(`node bin/pulsecart.mjs ${name}`);
});

test('a help is as wide as every terminal, and names commands as they can be pasted', async () => {
  const byNpm = { npm_command: 'run-script', npm_lifecycle_event: 'rush' };
  const helps = await Promise.all(
    COMMANDS.map(async (name) => ({
      name,
      installed: (await runPulsecart([name, '-h'])).stdout,
      inCheckout: (await runPulsecart(['help', name], byNpm)).stdout,
    })),
  );
  for (const { name, installed, inCheckout } of helps) {
    expect(installed).toStartWith(`pulsecart ${name}`);
    expect(installed).toMatch(new RegExp(`^Example: pulsecart ${name} `, 'm'));
    const run = name === 'dlq' ? 'npm run dlq -- list ' : `npm run ${name} -- `;
    expect(inCheckout).toMatch(new RegExp(`^Example: ${run}`, 'm'));
    for (const line of `${installed}${inCheckout}`.split('\n')) {
      expect({ line, fits: line.length <= 80 }).toEqual({ line, fits: true });
    }
  }
});

test('the version is asked for in any of the usual ways', async () => {
  for (const flag of ['--version', '-v']) {
    expect(await runPulsecart([flag])).toEqual({
      exit: 0,
      stdout: `pulsecart ${packageJson.version}\n`,
      stderr: '',
    });
  }
});

describe('the example of each help is run:', () => {
  let shop: EmbeddedShop;
  beforeAll(async () => {
    shop = await openShop();
  });
  afterAll(() => shop[Symbol.asyncDispose]());

  for (const name of COMMANDS) {
    test.skipIf(name === 'worker' && !distributedBackends)(
      name,
      async () => {
        const { stdout } = await runPulsecart([name, '--help']);
        const unbroken = stdout.replaceAll(/ \\\n +/g, ' ');
        const examples = [...unbroken.matchAll(/^Example: pulsecart (.*)$/gm)].map(([, line]) => line!);
        expect(examples).toHaveLength(1);
        await using backends = name === 'worker' ? await ownBackends() : null;
        await using stripe = name === 'payments' ? await startStripe() : null;
        using folder = temporaryFolder();
        const example = examples[0]!
          .replace('http://127.0.0.1:8080', shop.url)
          .replace(/(?<=--data )\S+/, ['audit', 'backup'].includes(name) ? shop.folder : folder.path)
          .replace(/\S+\.db\b/, `${folder.path}/copy.db`)
          .replace(/(?<=--out )\S+/, `${folder.path}/out`)
          .replace(/(?<=--port )\d+/, '0');
        const args = example.split(' ');
        expect(args[0]).toBe(name);
        if (STAYING.includes(name)) expect(await startAndStop(args, backends?.env)).toBe(0);
        else {
          const ended = await runToEnd([process.execPath, '--no-env-file', MAIN, ...args], {
            timeoutMs: EXAMPLE_TIMEOUT_MS,
            env: {
              ...{ PORT: '0', PULSECART_DATA: shop.folder },
              ...(stripe && stripeSettings(stripe)),
              ...(name === 'token' && { PULSECART_AUTH_SECRET: 'a secret of the shop, for tests alone' }),
            },
          });
          expect(ended).toMatchObject({ exit: 0, stderr: name === 'audit' ? expect.any(String) : '' });
        }
      },
      EXAMPLE_TIMEOUT_MS,
    );
  }

  async function startAndStop(args: string[], env: Record<string, string> = {}): Promise<number> {
    const child = Bun.spawn([process.execPath, '--no-env-file', MAIN, ...args], {
      env: { ...MACHINE, PULSECART_DRAIN_MS: '0', ...env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
    });
    try {
      let output = '';
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        output += text;
        if (/"msg":"ready"/.test(output) && (args[0] === 'worker' || readyLine(output))) break;
      }
      child.kill('SIGTERM');
      return await child.exited;
    } finally {
      child.kill('SIGKILL');
    }
  }
});

describe('a mistake is one line that says what is accepted, and exit status 2:', () => {
  const rows: [string[], RegExp][] = [
    ...COMMANDS.filter((name) => name !== 'dlq').map((name): [string[], RegExp] => [
      [name, '--nonsense'],
      /^Unknown argument --nonsense\. Accepted: --/,
    ]),
    [['rusj'], /^There is no command "rusj"\. Did you mean rush\? Accepted: serve, /],
    [['help', 'audt'], /^There is no command "audt"\. Did you mean audit\? /],
    [['rush', '--user', '9'], /^Unknown argument --user\. Did you mean --users\? Accepted: --/],
    [['backup'], /^backup takes the file to write first/],
    [
      ['backup', '/nowhere/at-all/copy.db'],
      /^There is no folder \/nowhere\/at-all to put .*: make it first$/,
    ],
    [['dlq'], /^dlq takes one of list, replay, discard first$/],
    [['dlq', 'lists'], /^dlq takes one of list, replay, discard first, not "lists"$/],
    [['dlq', 'list', '--nonsense'], /^Unknown argument --nonsense\. Accepted: --url/],
    [['dlq', 'list', '--queue', 'orders'], /^--queue takes one of purchases, payments$/],
    [['dlq', 'replay', '--cause', 'x'], /^dlq replay needs --reason/],
    [['dlq', 'discard', '--reason', 'x'], /^dlq discard takes either --cause or --ids/],
    [['dlq', 'discard', '--reason', 'x', '--cause', 'x', '--ids', '1'], /^dlq discard takes either/],
    [['token', '--operator', 'grace', '--minutes', '5'], /^--minutes is for a buyer's token: /],
    [['token', '--customer', 'ada', '--role', 'admin'], /^--role needs --operator: /],
    [['payments'], /^payments takes reconcile first$/],
    [['payments', 'reconcile', '--from', 'yesterday'], /^--from takes a time like /],
    [['payments', 'reconcile', '--to', '2026-02-30T00:00:00Z'], /^--to takes a time like /],
    [['payments', 'reconcile', '--to', '2026-01-01T00:00:00Z'], /^--from must be before --to$/],
    [['payments', 'reconcile'], /^There is no payment company to compare with: /],
    [['rush', '--users', '0'], /^--users takes a whole number from 1 to 1000000$/],
    [['rush', '--url', 'shop'], /^--url takes the address of a server, such as /],
    [['rush', '--url', 'http://me:secret@shop'], /^--url takes the address of a server, such as /],
    [['rush', '--url', 'https://127.0.0.1'], /^--url takes an http:\/\/ address/],
    [['rush', '--url', 'http://shop.example'], /^shop\.example is not this machine\..* add --yes/],
    [['report', '--render', '/nowhere'], /^\/nowhere cannot be read: /],
    [['report', '--compare', '/nowhere'], /^--compare takes two reports /],
    [['rehearse', '--product', '1'], /^--product is not for rehearsals: .* --product-like 1 /],
    [['rehearse', '--url', 'https://127.0.0.1'], /^--url takes an http:\/\/ address/],
    [['rehearse', '--url', 'http://shop.example'], /^shop\.example is not this machine\..* add --yes/],
    [['rehearse', '--clean-up', 'all'], /^--clean-up takes the id of a hidden product$/],
    [['rehearse', '--thresholds', '/nowhere.json'], /^--thresholds cannot be read: /],
    [['rehearse', '--out', '/dev/null/results'], /^--out cannot be written: .* No crowd was sent$/],
    [['seed', '--file', '/nowhere.json'], /^--file cannot be read: /],
    [['reset', '--yes=no'], /^--yes takes no value$/],
    [['migrate', '--data='], /^--data takes a folder$/],
    [['doctor', '--port='], /^--port takes a port$/],
    [['worker'], /^A worker needs the distributed backends/],
  ];
  for (const [args, line] of rows) {
    test(args.join(' '), async () => {
      using folder = temporaryFolder();
      expectOneLine(await runPulsecart(args, { PULSECART_DATA: folder.path }), 2, line);
    });
  }
});

describe('a server that does not answer, or not to us, is one line:', () => {
  const commands = [
    ['rush'],
    ['rehearse'],
    ['health'],
    ['seed'],
    ['dlq', 'list'],
    ['dlq', 'replay', '--cause', 'x', '--reason', 'x'],
  ];
  for (const command of commands) {
    test(`${command.join(' ')} where nobody listens`, async () => {
      const ended = await runPulsecart([...command, '--url', 'http://127.0.0.1:1']);
      expectOneLine(ended, 1, /^No server answers at http:\/\/127\.0\.0\.1:1\. .*--url/);
    });
  }

  test('dlq and seed without the operator’s token', async () => {
    await using shop = await openShop({ PULSECART_OPERATOR_TOKEN: 'for-operators-only' });
    using folder = temporaryFolder();
    const file = `${folder.path}/new.json`;
    await Bun.write(file, '[{"productId":9,"name":"Nine","priceMinor":900,"currency":"EUR","units":9}]');
    for (const command of [
      ['dlq', 'list'],
      ['seed', '--file', file],
    ]) {
      const args = [...command, '--url', shop.url];
      const none = { PULSECART_DATA: folder.path };
      expectOneLine(await runPulsecart(args, none), 1, /wants an operator: set PULSECART_OPERATOR_TOKEN/);
      const wrong = { PULSECART_OPERATOR_TOKEN: 'the-token-of-another-shop' };
      expectOneLine(await runPulsecart(args, wrong), 1, /refused the token in PULSECART_OPERATOR_TOKEN/);
      const right = { PULSECART_OPERATOR_TOKEN: 'for-operators-only' };
      expect(await runPulsecart(args, right)).toMatchObject({ exit: 0, stderr: '' });
    }
  });

  test('a token that no header can carry', async () => {
    const env = { PULSECART_OPERATOR_TOKEN: 'tokén-of-the-shop-here' };
    expectOneLine(
      await runPulsecart(['dlq', 'list'], env),
      2,
      /^PULSECART_OPERATOR_TOKEN must have printable ASCII/,
    );
  });

  test('another program', async () => {
    using stranger = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () => new Response('<h1>Hello</h1>', { status: 404 }),
    });
    const args = ['dlq', 'list', '--url', stranger.url.origin];
    expectOneLine(await runPulsecart(args), 1, /answered 404: <h1>Hello<\/h1>$/);
  });
});

describe('P6 rubbish from a server is one line:', () => {
  const rubbish: [string, () => Response][] = [
    ['a page', () => new Response('<h1>Hello</h1>', { headers: { 'Content-Type': 'text/html' } })],
    ['broken JSON', () => new Response('{"groups":', { headers: { 'Content-Type': 'application/json' } })],
    ['null', () => Response.json(null)],
    ['another API', () => Response.json({ hello: 'world' })],
  ];
  const commands = [
    ['dlq', 'list'],
    ['dlq', 'list', '--cause', 'x'],
    ['dlq', 'replay', '--cause', 'x', '--reason', 'x'],
    ['dlq', 'discard', '--ids', 'x', '--reason', 'x'],
    ['seed'],
    ['rush'],
    ['rehearse'],
    ['health'],
  ];
  for (const [what, answer] of rubbish) {
    test(what, async () => {
      await using stranger = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer, error: answer });
      for (const command of commands) {
        const ended = await runPulsecart([...command, '--url', stranger.url.origin]);
        expectOneLine(ended, 1, /^The server at http:/);
      }
    });
  }

  test('half an answer', async () => {
    const half = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"groups';
    using stranger = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: (socket) => void socket.end(half) },
    });
    for (const command of commands) {
      const ended = await runPulsecart([...command, '--url', `http://127.0.0.1:${stranger.port}`]);
      expectOneLine(ended, 1, /^No server answers at http:/);
    }
  });
});

function expectOneLine(
  { exit, stdout, stderr }: Awaited<ReturnType<typeof runPulsecart>>,
  status: number,
  line: RegExp,
): void {
  expect({ exit, stdout, stderr }).toMatchObject({ exit: status, stdout: '' });
  expect(stderr).toMatch(/^pulsecart: [^\n]*\n$/);
  expect(stderr.slice('pulsecart: '.length, -1)).toMatch(line);
}
