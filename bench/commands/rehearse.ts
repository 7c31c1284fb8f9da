import { join } from 'node:path';
import { openApi } from '../../src/cli/api.ts';
import { readFlags, UsageError } from '../../src/cli/flags.ts';
import { printHelp } from '../../src/cli/help.ts';
import { print } from '../../src/cli/terminal.ts';
import { readClient } from '../../src/config.ts';
import { AppError } from '../../src/domain/errors.ts';
import { isLoopbackName } from '../../src/lib/address.ts';
import { MODES } from '../arrivals.ts';
import { nameOf } from '../interrupted.ts';
import { OPEN_PROFILES } from '../profiles.ts';
import { removeHiddenProduct } from '../rehearsal/hidden-product.ts';
import { holdRehearsal } from '../rehearsal/rehearsal.ts';
import { rehearsalText } from '../rehearsal/rehearsal-text.ts';
import { openResultsFolder } from '../rehearsal/results-folder.ts';
import { DEFAULT_THRESHOLDS, readThresholds } from '../rehearsal/thresholds.ts';
import { resultsName } from '../results-name.ts';
import { openSaleLine } from './demo-text.ts';
import { rateOf } from './rush.ts';

/** Defaults of the number flags. */
const NOT_GIVEN = -1;

const FLAGS = {
  url: { kind: 'text', what: 'the address of a server' },
  users: { kind: 'integer', min: 1, max: 1_000_000, default: 10_000 },
  'product-like': { kind: 'integer', min: 1, max: Number.MAX_SAFE_INTEGER, default: NOT_GIVEN },
  units: { kind: 'integer', min: 0, max: 2 ** 31 - 1, default: NOT_GIVEN },
  mode: { kind: 'choice', of: MODES, default: 'both' },
  profile: { kind: 'choice', of: OPEN_PROFILES, default: 'constant' },
  rate: { kind: 'integer', min: 1, max: 1_000_000, default: NOT_GIVEN },
  seconds: { kind: 'integer', min: 1, max: 3_600, default: NOT_GIVEN },
  seed: { kind: 'integer', min: 0, max: 2 ** 32 - 1, default: NOT_GIVEN },
  thresholds: { kind: 'text', what: 'a JSON file' },
  out: { kind: 'text', what: 'a folder' },
  'clean-up': { kind: 'text', what: 'the id of a hidden product' },
  // To be refused with a reason: whoever knows rush would give it.
  product: { kind: 'text', what: 'nothing' },
  yes: { kind: 'switch' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart rehearse: the crowd of a sale at a running deployment, before the real sale

  --url U            where it is (http://127.0.0.1:8080, or the port that PORT names)
  --users N          buyers, each a different customer (10000)
  --product-like ID  price, units and limit of this product (1000 units without a limit)
  --units N          another number of units
  --mode M           sync, async or both: each buyer by the toss of a coin (both)
  --profile P        who comes when: ${OPEN_PROFILES.join(', ')} (constant);
                     all but the first are for --seconds, their own length by default
  --rate N           buyers arriving per second on average, whether or not the server keeps up (5000)
  --seconds N        instead of --rate: the time in which all of them come
  --seed N           who comes when; the same seed gives the same crowd (another one each time)
  --thresholds F     a JSON file of what has to be reached; what is absent has its default
                     (docs/reference/rehearsal.schema.json; ${Object.entries(DEFAULT_THRESHOLDS)
                       .filter(([, value]) => value !== null)
                       .slice(0, 3)
                       .map(([name, value]) => `${name} ${value}`)
                       .join(', ')}, …)
  --out DIR          a new folder for rehearsal.html, .md and .json (results/<time>-rehearsal)
  --clean-up ID      only removes the hidden product of a rehearsal that could not do it
  --yes              needed for a server that is not on this machine: it will be as busy as in the sale
  --json             one JSON object

For operators: the token is that of PULSECART_OPERATOR_TOKEN. The crowd buys a product of its own, which nobody else sees, which
is never charged, and which is removed in the end, also after Ctrl-C. Exit status 0 for GO, 1 for NO-GO, 130 after Ctrl-C.
Example: pulsecart rehearse --url http://127.0.0.1:8080 --users 500 --rate 200 --out ./results/first`;

/** Longer than a server takes for any answer to a crowd, and for an audit. */
const CALL_TIMEOUT_MS = 130_000;
const BUYER_TIMEOUT_MS = 15_000;

export async function rehearse(argv: string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  if (flags.product !== undefined) {
    throw new UsageError(
      `--product is not for rehearsals: they make a product of their own, and buy no real one. --product-like ${flags.product} takes its price, units and limit over`,
    );
  }
  const client = readClient(process.env, flags);
  const { protocol, hostname } = new URL(client.url);
  const api = openApi(client, CALL_TIMEOUT_MS);
  const leftBehind = flags['clean-up'];
  if (leftBehind !== undefined) {
    const productId = Number(leftBehind);
    if (!/^\d{1,16}$/.test(leftBehind) || !Number.isSafeInteger(productId))
      throw new UsageError('--clean-up takes the id of a hidden product');
    if (!(await removeHiddenProduct(api, productId))) {
      throw new UsageError(
        `There is no product ${productId}: it was removed before, or the id is another one`,
      );
    }
    console.log(`Hidden product ${productId} is removed.`);
    return 0;
  }
  if (protocol !== 'http:') throw new UsageError('--url takes an http:// address: the crowd speaks no TLS');
  if (!isLoopbackName(hostname) && !flags.yes) {
    throw new UsageError(
      `${hostname} is not this machine. A rehearsal makes it as busy as the sale will; add --yes if that is meant`,
    );
  }
  const thresholds = flags.thresholds === undefined ? DEFAULT_THRESHOLDS : readThresholds(flags.thresholds);
  const rate = rateOf(flags);
  if (thresholds.usefulPerS !== null && thresholds.usefulPerS > rate) {
    throw new UsageError(
      `usefulPerS of ${thresholds.usefulPerS} cannot be reached: ${Number(rate.toFixed(1))} buyers come a second on average`,
    );
  }
  const folder = openResultsFolder(flags.out ?? join('results', `${resultsName()}-rehearsal`));
  const live = openSaleLine(flags.users, flags.json);
  const interruption = onInterruption(live.close);
  try {
    const result = await holdRehearsal(
      {
        users: flags.users,
        profile: flags.profile,
        rate,
        mode: flags.mode,
        seed: flags.seed === NOT_GIVEN ? crypto.getRandomValues(new Uint32Array(1))[0]! : flags.seed,
        like: flags['product-like'] === NOT_GIVEN ? null : flags['product-like'],
        units: flags.units === NOT_GIVEN ? null : flags.units,
        thresholds,
      },
      {
        api,
        buyers: openApi({ ...client, operatorToken: null, dataFolder: null }, BUYER_TIMEOUT_MS),
        signal: interruption.signal,
        onProgress: live.progress,
        onStep: (text) => live.say(`  ${text}`),
      },
    ).finally(live.close);
    folder.write(result);
    print(flags.json ? JSON.stringify(result) : rehearsalText(result, `${folder.path}/rehearsal.html`));
    return interruption.status() ?? (result.go ? 0 : 1);
  } catch (error) {
    if (interruption.status() !== null && error instanceof AppError)
      console.error(`pulsecart: ${error.message}`);
    else throw error;
    return interruption.status()!;
  } finally {
    folder.close();
  }
}

/** The first signal stops the crowd, and the product is removed; the second one ends at once. */
function onInterruption(onFirst: () => void): { readonly signal: AbortSignal; status(): number | null } {
  const stop = new AbortController();
  let status: number | null = null;
  for (const [name, number] of [
    ['SIGHUP', 1],
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) {
        console.error('pulsecart: ended at once; the next rehearsal removes what this one left.');
        process.exit(128 + number);
      }
      status = 128 + number;
      onFirst();
      console.error(
        `pulsecart rehearse: ${nameOf(name)}, no more buyers come; its hidden product is removed`,
      );
      stop.abort();
    });
  }
  return { signal: stop.signal, status: () => status };
}
