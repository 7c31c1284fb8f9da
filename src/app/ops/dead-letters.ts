import type { AuditAction, AuditEntry } from '../../domain/audit-entry.ts';
import { AppError, isAppError } from '../../domain/errors.ts';
import type { PurchaseIds } from '../../domain/ids.ts';
import type { Purchase } from '../../domain/purchase.ts';
import type { Ledger } from '../../ports/ledger.ts';
import { type QueuedPurchase, readPurchases } from '../../ports/purchase-message.ts';
import { type DeadLetter, QUEUE_NAMES, type Queue, type QueueName } from '../../ports/queue.ts';
import { readOrderIds } from '../payments/message.ts';
import { causeGroup } from './causes.ts';

/**
 * Lists, replays and discards dead letters. A purchase in one reads `needs_attention`: a replay has it decided after all, a
 * discard ends it as `failed`. A final outcome stays, and a concurrent replay and discard give the purchase one outcome,
 * because the ledger decides both under the purchase's own id.
 *
 * A dead letter is deleted last, so that a retry finishes whatever an error interrupted.
 */
export interface DeadLetters {
  /** By queue and cause, the oldest first. */
  groups(): Promise<{ readonly groups: readonly DeadLetterGroup[]; readonly truncated: boolean }>;
  /** Oldest first. */
  letters(choice: {
    readonly queue: QueueName;
    readonly cause: string | null;
    readonly limit: number;
  }): Promise<{ readonly letters: readonly ShownLetter[]; readonly truncated: boolean }>;
  /** Publishes dead letters again, with the attempts of each purchase reset. */
  replay(choice: Choice, note: Note): Promise<Done>;
  /** Ends the purchases in dead letters, and deletes these. An order to charge has its own end in the ledger. */
  discard(choice: Choice, note: Note): Promise<Done>;
  /** Discards those with purchases of this product and of no other. */
  discardOf(productId: number, note: Note): Promise<Done>;
}

export interface DeadLetterGroup {
  readonly queue: QueueName;
  /** The common part of the causes. */
  readonly cause: string;
  readonly letters: number;
  /** Purchases or orders in them. */
  readonly items: number;
  readonly oldestAt: number;
  readonly newestAt: number;
  /** The first few purchases or orders. */
  readonly itemIds: readonly string[];
}

export interface ShownLetter {
  readonly id: string;
  readonly queue: QueueName;
  readonly cause: string;
  readonly items: number;
  readonly deadAt: number;
  /** Purchases or orders in it, as far as it can be parsed. */
  readonly itemIds: readonly string[];
}

/** Dead letters of one queue: by id, by cause, by age, or all of them. */
export interface Choice {
  readonly queue: QueueName;
  readonly ids?: readonly string[];
  readonly cause?: string;
  /** Exclusive. */
  readonly deadBefore?: number;
}

/** The audit log entry, written before the step. */
export type Note = (
  action: AuditAction,
  subject: string,
  details: Readonly<Record<string, unknown>>,
) => AuditEntry;

export interface Done {
  readonly letters: number;
  readonly items: number;
  /** There may be more; another call continues. */
  readonly truncated: boolean;
}

export interface DeadLettersDependencies {
  readonly ledger: Pick<Ledger, 'decide' | 'log' | 'markNeedsAttention'>;
  readonly queue: Pick<Queue, 'deadLetters' | 'replay' | 'discard'>;
  readonly ids: Pick<PurchaseIds, 'read'>;
}

/** Dead letters read per call and queue: as deep as a broker is read, and some 2 MB. */
const LETTERS_MAX = 10_000;
/** Most groups in an answer; with more different causes an operator needs a closer look than this one. */
const GROUPS_MAX = 200;
const EXAMPLES_MAX = 5;
/** Purchases per step at the ledger, so that buyers' purchases are decided in between. */
const STEP_ITEMS_MAX = 256;

export function createDeadLetters(dependencies: DeadLettersDependencies): DeadLetters {
  const { ledger, queue, ids } = dependencies;

  async function read(name: QueueName) {
    const letters = await queue.deadLetters(name, LETTERS_MAX);
    return { letters, truncated: letters.length === LETTERS_MAX };
  }

  async function choose({ queue: name, ids: wanted, cause, deadBefore }: Choice) {
    const { letters, truncated } = await read(name);
    const named = wanted && new Set(wanted);
    const group = cause === undefined ? undefined : causeGroup(cause);
    const chosen = letters.filter(
      (letter) =>
        (named?.has(letter.id) ?? true) &&
        (group === undefined || causeGroup(letter.cause) === group) &&
        (deadBefore === undefined || letter.deadAt < deadBefore),
    );
    return { chosen, truncated, cause: group };
  }

  async function act(
    action: 'replay' | 'discard',
    choice: Choice,
    note: Note,
    prepare: (purchases: readonly QueuedPurchase[]) => Promise<void>,
  ): Promise<Done> {
    const { queue: name } = choice;
    const { chosen, truncated, cause } = await choose(choice);
    const items = sum(chosen);
    if (chosen.length === 0) return { letters: 0, items: 0, truncated };
    const details = { ...(cause !== undefined && { cause }), letters: chosen.length, items };
    await ledger.log(note(`dead-letters.${action}`, `queue/${name}`, details));
    const purchases = name === 'purchases' ? chosen.flatMap(purchasesIn) : [];
    try {
      for (let at = 0; at < purchases.length; at += STEP_ITEMS_MAX) {
        await prepare(purchases.slice(at, at + STEP_ITEMS_MAX));
      }
      const letters = await queue[action](
        name,
        chosen.map(({ id }) => id),
      );
      return { letters, items, truncated };
    } catch (error) {
      throw perhapsInPart(error);
    }
  }

  /** The accepted ones. A forged purchase has no reader, and perhaps an id that no ledger would take. */
  function purchasesIn(letter: DeadLetter): QueuedPurchase[] {
    const { purchases, unread } = readPurchases(letter, ids);
    return [...purchases, ...unread.flatMap(({ accepted }) => accepted)];
  }

  function itemIdsIn(queue: QueueName, letter: DeadLetter): readonly string[] {
    return queue === 'purchases' ? purchasesIn(letter).map(({ id }) => id) : readOrderIds(letter).orderIds;
  }

  function describe(queue: QueueName, cause: string, letters: readonly DeadLetter[]): DeadLetterGroup {
    const itemIds: string[] = [];
    for (const letter of letters) {
      if (itemIds.length < EXAMPLES_MAX) itemIds.push(...itemIdsIn(queue, letter));
    }
    return {
      queue,
      cause,
      letters: letters.length,
      items: sum(letters),
      oldestAt: letters[0]!.deadAt,
      newestAt: letters.at(-1)!.deadAt,
      itemIds: itemIds.slice(0, EXAMPLES_MAX),
    };
  }

  function show(queue: QueueName, letter: DeadLetter): ShownLetter {
    const { id, cause, items, deadAt } = letter;
    return { id, queue, cause, items, deadAt, itemIds: itemIdsIn(queue, letter) };
  }

  function markHandled(purchases: readonly QueuedPurchase[]): Promise<void> {
    return ledger.markNeedsAttention(
      purchases.map(({ id }) => id),
      false,
    );
  }

  async function end(purchases: readonly QueuedPurchase[]): Promise<void> {
    await ledger.decide(purchases.map(givenUp));
    await markHandled(purchases);
  }

  return {
    async groups() {
      const shown: DeadLetterGroup[] = [];
      let truncated = false;
      for (const name of QUEUE_NAMES) {
        const found = await read(name);
        truncated ||= found.truncated;
        for (const [cause, letters] of Map.groupBy(found.letters, (letter) => causeGroup(letter.cause))) {
          shown.push(describe(name, cause, letters));
        }
      }
      shown.sort((one, other) => one.oldestAt - other.oldestAt);
      return { groups: shown.slice(0, GROUPS_MAX), truncated: truncated || shown.length > GROUPS_MAX };
    },

    async letters({ queue: name, cause, limit }) {
      const { chosen, truncated } = await choose({ queue: name, ...(cause !== null && { cause }) });
      return {
        letters: chosen.slice(0, limit).map((letter) => show(name, letter)),
        truncated: truncated || chosen.length > limit,
      };
    },

    replay: (choice, note) => act('replay', choice, note, markHandled),
    discard: (choice, note) => act('discard', choice, note, end),

    async discardOf(productId, note) {
      const ids = (await read('purchases')).letters.flatMap((letter) => {
        const purchases = purchasesIn(letter);
        const isTheirs = purchases.length > 0 && purchases.every((one) => one.productId === productId);
        return isTheirs ? [letter.id] : [];
      });
      if (ids.length === 0) return { letters: 0, items: 0, truncated: false };
      return act('discard', { queue: 'purchases', ids }, note, end);
    },
  };
}

/** The purchase in a form that the ledger can refuse whatever its defect. */
function givenUp(purchase: QueuedPurchase): Purchase {
  const decideBy = Number.MAX_SAFE_INTEGER;
  return { ...purchase, decideBy, customer: null, key: null, refusal: 'discarded' };
}

/** A backend's `unavailable` says that nothing was done, which is true of the last step only. */
function perhapsInPart(error: unknown): unknown {
  if (!isAppError(error, 'unavailable')) return error;
  return new AppError('outcome_unknown', `Perhaps done in part, asking again finishes it: ${error.message}`, {
    cause: error,
  });
}

function sum(letters: readonly DeadLetter[]): number {
  return letters.reduce((items, letter) => items + letter.items, 0);
}
