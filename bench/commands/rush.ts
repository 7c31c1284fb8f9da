import { openApi } from '../../src/cli/api.ts';
import { readFlags, UsageError } from '../../src/cli/flags.ts';
import { printHelp } from '../../src/cli/help.ts';
import { print } from '../../src/cli/terminal.ts';
import { readClient } from '../../src/config.ts';
import { isLoopbackName } from '../../src/lib/address.ts';
import { MODES } from '../arrivals.ts';
import { OPEN_PROFILES, type OpenProfileName, openProfile } from '../profiles.ts';
import { holdRush } from '../rush-sale.ts';
import { openSaleLine, rushSummary } from './demo-text.ts';

/** Defaults of the number flags. */
const NOT_GIVEN = -1;
const RATE_DEFAULT = 5_000;

const FLAGS = {
  url: { kind: 'text', what: 'the address of a server' },
  users: { kind: 'integer', min: 1, max: 1_000_000, default: 10_000 },
  product: { kind: 'integer', min: 1, max: Number.MAX_SAFE_INTEGER, default: 1 },
  stock: { kind: 'integer', min: 0, max: 2 ** 31 - 1, default: NOT_GIVEN },
  mode: { kind: 'choice', of: MODES, default: 'both' },
  profile: { kind: 'choice', of: OPEN_PROFILES, default: 'constant' },
  rate: { kind: 'integer', min: 1, max: 1_000_000, default: NOT_GIVEN },
  seconds: { kind: 'integer', min: 1, max: 3_600, default: NOT_GIVEN },
  seed: { kind: 'integer', min: 0, max: 2 ** 32 - 1, default: NOT_GIVEN },
  yes: { kind: 'switch' },
  progress: { kind: 'switch' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart rush: the demo's crowd against a server that runs

  --url U       where it is (http://127.0.0.1:8080, or the port that PORT names)
  --users N     buyers, each a different customer (10000)
  --product N   what they want, one unit each (1)
  --stock N     first start a new generation of N free units; for operators (the stock stays as it is)
  --mode M      sync, async or both: each buyer by the toss of a coin (both)
  --profile P   who comes when: ${OPEN_PROFILES.join(', ')} (constant);
                all but the first are for --seconds, their own length by default
  --rate N      buyers arriving per second on average, whether or not the server keeps up (5000)
  --seconds N   instead of --rate: the time in which all of them come
  --seed N      who comes when; the same seed gives the same crowd (another one each time)
  --yes         needed for a server that is not on this machine: the orders are real there
  --progress    how far it is, twice a second, as lines of JSON on stderr
  --json        one JSON object

PULSECART_OPERATOR_TOKEN is sent with --stock. Ctrl-C stops the crowd and prints the result.
The verdicts rest on what clients can see: answers, orders, units; without an answer there is no verdict. A server that
stops answering stops the crowd. Exit status 1 when a verdict fails or is missing, 130 after Ctrl-C.
Example: pulsecart rush --url http://127.0.0.1:8080 --users 2000 --rate 2000`;

const INTERRUPTED = 130;
/** Longer than a server takes for any answer to a crowd. */
const CALL_TIMEOUT_MS = 15_000;

/** Sends a crowd to a running server, and compares its buyers' answers with the server's state afterwards. */
export async function rush(argv: string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  const client = readClient(process.env, flags);
  const { protocol, hostname } = new URL(client.url);
  if (protocol !== 'http:') throw new UsageError('--url takes an http:// address: the crowd speaks no TLS');
  if (!isLoopbackName(hostname) && !flags.yes) {
    throw new UsageError(
      `${hostname} is not this machine. A rush buys there in earnest; add --yes if that is meant`,
    );
  }
  const live = openSaleLine(flags.users, flags.json || flags.progress);
  const callBack = new AbortController();
  // A second signal does not wait for answers.
  process.on('SIGINT', () => {
    live.close();
    if (callBack.signal.aborted) {
      console.error('pulsecart rush: ended at once; what its buyers bought stays at the server');
      process.exit(INTERRUPTED);
    }
    console.error('pulsecart rush: Ctrl-C, no more buyers come; what they bought stays at the server');
    callBack.abort();
  });
  const result = await holdRush(
    {
      productId: flags.product,
      units: flags.stock === NOT_GIVEN ? null : flags.stock,
      users: flags.users,
      rate: rateOf(flags),
      profile: openProfile(flags.profile),
      mode: flags.mode,
      seed: flags.seed === NOT_GIVEN ? crypto.getRandomValues(new Uint32Array(1))[0]! : flags.seed,
    },
    // No other call needs the token, least of all one to another machine.
    openApi(
      flags.stock === NOT_GIVEN ? { ...client, operatorToken: null, dataFolder: null } : client,
      CALL_TIMEOUT_MS,
    ),
    callBack.signal,
    flags.progress ? (progress) => console.error(JSON.stringify(progress)) : live.progress,
  ).finally(live.close);
  print(flags.json ? JSON.stringify(result) : rushSummary(result));
  if (result.serverGone || result.verdicts.some(({ pass }) => pass !== true)) return 1;
  return result.calledBack ? INTERRUPTED : 0;
}

/** A constant crowd has a rate, any other one a length. */
export function rateOf(flags: {
  users: number;
  rate: number;
  seconds: number;
  profile: OpenProfileName;
}): number {
  if (flags.rate !== NOT_GIVEN && flags.seconds !== NOT_GIVEN) {
    throw new UsageError('--rate and --seconds say the same thing: give one of them');
  }
  if (flags.rate !== NOT_GIVEN) return flags.rate;
  if (flags.seconds !== NOT_GIVEN) return flags.users / flags.seconds;
  return flags.profile === 'constant' ? RATE_DEFAULT : flags.users / openProfile(flags.profile).seconds;
}
