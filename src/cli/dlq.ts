import { readClient } from '../config.ts';
import { AppError } from '../domain/errors.ts';
import { QUEUE_NAMES } from '../ports/queue.ts';
import { type Api, openApi } from './api.ts';
import { readFlags, UsageError } from './flags.ts';
import { printHelp } from './help.ts';

const ACTIONS = ['list', 'replay', 'discard'] as const;

const FLAGS = {
  url: { kind: 'text', what: 'the address of a server' },
  queue: { kind: 'choice', of: QUEUE_NAMES, default: 'purchases' },
  cause: { kind: 'text', what: 'the cause of a group, as `dlq list` shows it' },
  ids: { kind: 'text', what: 'ids of letters, separated by commas' },
  reason: { kind: 'text', what: 'a reason, for the audit log' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart dlq list | replay | discard: dead letters of a running server

  list           groups of dead letters, by their cause; with --cause the letters of that group
  replay         puts the letters of a cause, or those named, back into their queue
  discard        gives them up: their purchases end as failed

  --url U        where the server is (http://127.0.0.1:8080, or the port that PORT names)
  --queue Q      purchases or payments (purchases)
  --cause C      a group, by its cause
  --ids A,B      or dead letters, by their ids
  --reason R     why; replay and discard need one
  --json         the server's answers, one JSON object

PULSECART_OPERATOR_TOKEN is sent where the server wants an operator.
Example: pulsecart dlq list --url http://127.0.0.1:8080`;

const ITEMS = { purchases: 'purchases', payments: 'orders' } as const;
const PATH = '/api/v1/ops/dead-letters';
/** Dead letters shown of a group. */
const LETTERS_SHOWN = 100;
/** Most calls of one command: a server handles a limited number of letters per call. */
const PASSES_MAX = 1_000;

export async function dlq(argv: readonly string[]): Promise<number> {
  const [action, ...rest] = argv;
  if (action === '--help' || action === '-h') return help();
  if (!isAction(action)) {
    const given = action === undefined ? '' : `, not ${JSON.stringify(action)}`;
    throw new UsageError(`dlq takes one of ${ACTIONS.join(', ')} first${given}`);
  }
  const flags = readFlags(rest, FLAGS);
  if (flags.help) return help();
  const api = openApi(readClient(process.env, flags));
  if (action === 'list') return flags.cause === undefined ? listGroups(api, flags) : listLetters(api, flags);
  return act(action, api, flags);
}

type Given = ReturnType<typeof readFlags<typeof FLAGS>>;

interface Group {
  readonly queue: string;
  readonly cause: string;
  readonly letters: number;
  readonly items: number;
  readonly oldestAt: string;
  readonly newestAt: string;
}

async function listGroups(api: Api, { json }: Given): Promise<number> {
  const answer = await api.get<{ groups: Group[]; truncated: boolean }>(PATH, ({ groups }) =>
    Array.isArray(groups),
  );
  if (json) return print(answer);
  if (answer.groups.length === 0) console.log('  There are no dead letters.');
  for (const { queue, cause, letters, items, oldestAt, newestAt } of answer.groups) {
    console.log(`  ${queue}  letters: ${letters}, items: ${items}, ${oldestAt} to ${newestAt}\n    ${cause}`);
  }
  if (answer.truncated) console.log('  There are more.');
  return 0;
}

async function listLetters(api: Api, { queue, cause, json }: Given): Promise<number> {
  const query = new URLSearchParams({ queue, cause: cause!, limit: `${LETTERS_SHOWN}` });
  type Letter = { id: string; deadAt: string; cause: string; itemIds: string[] };
  const answer = await api.get<{ letters: Letter[]; truncated: boolean }>(
    `${PATH}/letters?${query}`,
    ({ letters }) => Array.isArray(letters),
  );
  if (json) return print(answer);
  if (answer.letters.length === 0) console.log('  There are no such letters.');
  for (const { id, deadAt, cause, itemIds } of answer.letters) {
    console.log(`  ${id}  ${deadAt}  ${cause}\n    ${itemIds.join(' ') || 'nothing readable in it'}`);
  }
  if (answer.truncated) console.log('  There are more.');
  return 0;
}

async function act(action: 'replay' | 'discard', api: Api, given: Given): Promise<number> {
  const { queue, cause, ids, reason, json } = given;
  if (reason === undefined) throw new UsageError(`dlq ${action} needs --reason: it is written down`);
  if ((cause === undefined) === (ids === undefined)) {
    throw new UsageError(`dlq ${action} takes either --cause or --ids to say which letters are meant`);
  }
  const body = { queue, ...(cause !== undefined && { cause }), ...(ids && { ids: ids.split(',') }), reason };
  const done = { queue, letters: 0, items: 0, truncated: false };
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const some = await api
      .send<{ letters: number; items: number; truncated: boolean }>(
        'POST',
        `${PATH}/${action}`,
        body,
        ({ letters }) => typeof letters === 'number',
      )
      .catch((error) => {
        throw brokenOff(error, action, done.letters);
      });
    done.letters += some.letters;
    done.items += some.items;
    done.truncated = some.truncated;
    // A dead letter that returns at once would keep a replay busy for ever: each is replayed once.
    if (!some.truncated || some.letters === 0 || action === 'replay') break;
  }
  if (json) return print(done);
  console.log(`  letters ${pastOf(action)}: ${done.letters}; ${ITEMS[queue]} in them: ${done.items}`);
  if (done.truncated) console.log('  There may be more of them: call again.');
  return 0;
}

/** The work of earlier passes is kept. */
function brokenOff(error: unknown, action: string, letters: number): unknown {
  if (letters === 0 || !(error instanceof AppError)) return error;
  const message = `${error.message.replace(/\.?$/, '.')} Before that ${letters} letters were ${pastOf(action)}: the same command goes on.`;
  return new AppError(error.code, message, { cause: error });
}

function pastOf(action: string): string {
  return action === 'replay' ? 'replayed' : 'discarded';
}

function print(answer: unknown): number {
  console.log(JSON.stringify(answer));
  return 0;
}

function help(): number {
  printHelp(HELP);
  return 0;
}

function isAction(word: string | undefined): word is (typeof ACTIONS)[number] {
  return ACTIONS.some((action) => action === word);
}
