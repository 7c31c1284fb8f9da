import type { Clock } from '../../domain/clock.ts';
import type { Log } from '../../lib/log.ts';
import { createPeriodic } from '../../lib/periodic.ts';
import type { WebhookSender } from '../../ports/webhook-sender.ts';
import type { DueWebhook, WebhookEvents, WebhookResult } from '../../ports/webhooks.ts';
import type { ChangeBus } from '../changes.ts';
import type { Leader } from '../maintenance/leader.ts';
import { eventBody, eventId } from './event.ts';
import { longestMs, resultOf } from './result.ts';
import { signedHeaders } from './signature.ts';
import type { ConfiguredTarget } from './target.ts';

/**
 * Tells shops what becomes of orders: each event at least once, in the order of events of each order, for days if need be. One
 * process at a time does it, for all. An event leaves the ledger only after its target has taken it, so a process that dies in
 * between, or loses its lead, makes doubles, and loses none.
 */
export interface Webhooks {
  readonly stats: WebhookStats;
  /** Makes the configured targets those of the ledger: from then on orders write events. Before the first order is taken. */
  begin(): Promise<void>;
  start(): void;
  close(): Promise<void>;
}

/** Of this process, since its start. */
export interface WebhookStats {
  delivered: number;
  /** Tries in vain. */
  failed: number;
  /** Events given up. */
  died: number;
}

export interface WebhooksDependencies {
  readonly ledger: Pick<
    WebhookEvents,
    'setWebhookTargets' | 'webhookTargets' | 'dueWebhooks' | 'recordWebhooks' | 'pruneWebhooks'
  >;
  readonly changes: Pick<ChangeBus, 'subscribe'>;
  readonly sender: WebhookSender;
  readonly clock: Clock;
  readonly isLeader: Leader['isLeader'];
  readonly targets: readonly ConfiguredTarget[];
  readonly secrets: readonly string[];
  /** The pause after each try in vain; an event is dead when none is left. */
  readonly retryMs: readonly number[];
  readonly keepDeadMs: number;
  readonly log: Log;
}

/** A shop that takes 50 ms hears of 160 orders a second, and one that hangs holds no more than these. */
const AT_ONCE_PER_TARGET = 8;
/** What nobody has told of is found by looking: events whose pause is over, and orders that other processes have made. */
const LOOK_EVERY_MS = 500;
/**
 * From news to the next turn: a turn is a read in the serving thread, and a commit beside those of purchases. In a crowd each commit
 * wakes, and 50 turns a second, with eight events each, are as many as a shop can want.
 */
const TURN_EVERY_MS = 20;
/** The lease lasts for five seconds; asking each time would be a commit more each time. */
const ASK_EVERY_MS = 2_000;
const PRUNE_EVERY_MS = 60_000;
const PRUNED_MAX = 1_000;
const JOB = 'webhooks';

export function createWebhooks(dependencies: WebhooksDependencies): Webhooks {
  const { ledger, changes, clock, isLeader, targets, sender, retryMs, keepDeadMs, log } = dependencies;
  const stats: WebhookStats = { delivered: 0, failed: 0, died: 0 };
  const receivers = targets.map((target) => ({
    target,
    inFlight: new Map<number, Promise<void>>(),
    isOpen: true,
  }));
  let results: WebhookResult[] = [];
  let closed = false;
  let leads = false;
  let askAt = 0;
  let pruneAt = 0;
  let unsubscribe = () => {};
  const turns = createPeriodic(turn, {
    everyMs: LOOK_EVERY_MS,
    onFailure(error, failures) {
      // Once for each time of trouble: the same trouble has better lines elsewhere.
      if (failures === 1) log.warn({ err: error }, 'webhooks could not be looked for; it is tried again');
    },
  });

  async function turn(): Promise<void> {
    await record();
    await ask();
    if (!leads) return;
    for (const receiver of receivers) if (receiver.isOpen) await fill(receiver);
    const now = clock();
    if (now < pruneAt && now >= pruneAt - PRUNE_EVERY_MS) return;
    pruneAt = now + PRUNE_EVERY_MS;
    await ledger.pruneWebhooks(now - keepDeadMs, longestMs(retryMs), PRUNED_MAX);
  }

  async function ask(): Promise<void> {
    const now = clock();
    if (now < askAt && now >= askAt - ASK_EVERY_MS) return;
    leads = await isLeader(JOB);
    askAt = now + ASK_EVERY_MS;
    if (!leads) return;
    const stored = new Map((await ledger.webhookTargets()).map((target) => [target.id, target]));
    // A process with other settings has begun after this one, or has found nobody at work: what is configured here counts.
    if (targets.some(({ id }) => !stored.has(id))) await ledger.setWebhookTargets(targets);
    for (const receiver of receivers)
      receiver.isOpen = (stored.get(receiver.target.id)?.disabledAt ?? null) === null;
  }

  async function fill(receiver: (typeof receivers)[number]): Promise<void> {
    const { target, inFlight } = receiver;
    const room = AT_ONCE_PER_TARGET - inFlight.size;
    if (room <= 0) return;
    const due = await ledger.dueWebhooks(target.id, AT_ONCE_PER_TARGET + inFlight.size);
    for (const event of due.filter(({ seq }) => !inFlight.has(seq)).slice(0, room)) {
      inFlight.set(event.seq, deliver(receiver, event));
    }
  }

  async function deliver({ target }: (typeof receivers)[number], event: DueWebhook): Promise<void> {
    const body = eventBody(event);
    const headers = signedHeaders(dependencies.secrets, eventId(event), Date.now(), body);
    const answer = await sender.send({ url: target.address, headers, body });
    // What a stop has cut off is tried again by who comes next, without a try less.
    if (closed && answer.type === 'failed') return;
    results.push(resultOf(event, target.id, answer, retryMs));
    turns.runIn(TURN_EVERY_MS);
  }

  /** An event stays in flight until its result is written, so that it is not sent twice meanwhile. */
  async function record(): Promise<void> {
    if (results.length === 0) return;
    const recorded = results;
    results = [];
    try {
      await ledger.recordWebhooks(recorded);
    } catch (error) {
      results = [...recorded, ...results];
      throw error;
    }
    for (const result of recorded) {
      for (const receiver of receivers) {
        if (receiver.inFlight.delete(result.seq) && result.type === 'gone') receiver.isOpen = false;
      }
      if (result.type === 'delivered') stats.delivered++;
      else stats.failed++;
      if (result.type === 'dead') stats.died++;
      if (result.type === 'gone') log.warn(`webhook target ${result.targetId} is disabled: ${result.cause}`);
    }
  }

  return {
    stats,
    begin: () => ledger.setWebhookTargets(targets),
    start() {
      unsubscribe = changes.subscribe({
        committed: ({ reserved, orders }) => {
          if (leads && (reserved.length > 0 || orders.length > 0)) turns.runIn(TURN_EVERY_MS);
        },
        // Of the other processes.
        news: ({ orders }) => {
          if (leads && orders.length > 0) turns.runIn(TURN_EVERY_MS);
        },
      });
      turns.runIn(0);
    },
    async close() {
      closed = true;
      unsubscribe();
      const turned = turns.close();
      await sender.close();
      await turned;
      await Promise.all(receivers.flatMap(({ inFlight }) => [...inFlight.values()]));
      // What could not be written is told again.
      await record().catch(() => {});
    },
  };
}
