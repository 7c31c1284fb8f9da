import type { SaleStep } from '../domain/product-steps.ts';
import type { Log } from '../lib/log.ts';
import { type Changes, NO_CHANGES } from '../ports/changes.ts';
import type { DecidedBatch, DecidingQueue } from '../ports/deciding-queue.ts';
import type { Feed, FeedListener } from '../ports/feed.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { OrderStepResult } from '../ports/payments.ts';

/**
 * The one place where changes are published. Every commit of this process goes to its subscribers, at once and in the order
 * of the answers, and through the feed to the other processes, whose changes arrive the same way.
 */
export interface ChangeBus {
  /** Publishes a commit's changes; `askedAtMs` is the monotonic time of its call. */
  publish(changes: Changes, askedAtMs: number): void;
  /** Subscribes until the returned function is called. Subscribers are called in turn, so each must be quick. */
  subscribe(subscriber: ChangeSubscriber): () => void;
  close(): void;
}

export interface ChangeSubscriber extends Omit<FeedListener, 'stats'> {
  /** A commit of this process. Called before its writer has the answer. */
  committed?(changes: Changes, askedAtMs: number): void;
}

export function createChangeBus(feed: Pick<Feed, 'publish' | 'subscribe'>, log: Log): ChangeBus {
  const subscribers = new Set<ChangeSubscriber>();

  function tell(call: (subscriber: ChangeSubscriber) => void): void {
    for (const subscriber of subscribers) {
      try {
        call(subscriber);
      } catch (error) {
        log.error({ err: error }, 'a subscriber of changes threw');
      }
    }
  }

  const unsubscribe = feed.subscribe({
    stock: (versions) => tell((subscriber) => subscriber.stock?.(versions)),
    news: (news) => tell((subscriber) => subscriber.news?.(news)),
    resync: () => tell((subscriber) => subscriber.resync?.()),
  });

  return {
    publish(changes, askedAtMs) {
      tell((subscriber) => subscriber.committed?.(changes, askedAtMs));
      tell((subscriber) => subscriber.news?.(changes));
      feed.publish(changes);
    },
    subscribe(subscriber) {
      subscribers.add(subscriber);
      return () => void subscribers.delete(subscriber);
    },
    close: unsubscribe,
  };
}

/** The ledger, with the changes of every write published before its caller has the answer. */
export function publishing(
  ledger: Ledger,
  { publish }: Pick<ChangeBus, 'publish'>,
  monotonicMs: () => number,
): Ledger {
  const published: Record<string, unknown> = { ...ledger };
  for (const [method, changesOf] of Object.entries(CHANGES_OF)) {
    published[method] = async (...args: unknown[]) => {
      // The row may change while the answer travels, so its age counts from the moment of the call.
      const askedAtMs = monotonicMs();
      const write = ledger[method as keyof Ledger] as (...args: unknown[]) => Promise<never>;
      const result = await write(...args);
      const changes = changesOf(result);
      if (changes) publish(changes, askedAtMs);
      return result;
    };
  }
  return published as unknown as Ledger;
}

/** A queue that decides purchases, with the changes of each commit published before the consumer hears of it. */
export function publishingDecisions(
  queue: DecidingQueue,
  { publish }: Pick<ChangeBus, 'publish'>,
): DecidingQueue {
  return {
    consumePurchases(options, decided, handle) {
      const published = (batch: DecidedBatch) => {
        publish(batch.changes, batch.askedAtMs);
        decided(batch);
      };
      return queue.consumePurchases(options, published, handle);
    },
  };
}

const itself = (changes: Changes) => changes;
const ofStep = ({ product }: SaleStep) => product && { ...NO_CHANGES, products: [product] };
const ofEnd = (ended: OrderStepResult) => (ended.kind === 'done' ? ended.changes : null);

/** The writes that have something to publish; one that is missing below does not compile. */
type Publishing = {
  [M in keyof Ledger]: Awaited<ReturnType<Ledger[M]>> extends
    | Changes
    | { changes: Changes }
    | OrderStepResult
    | SaleStep
    ? M
    : never;
}[keyof Ledger];

const CHANGES_OF: { [M in Publishing]: (result: Awaited<ReturnType<Ledger[M]>>) => Changes | null } = {
  decide: ({ changes }) => changes,
  settle: itself,
  expireOverdue: itself,
  captureLate: itself,
  settleRefunds: itself,
  cancel: ofEnd,
  refund: ofEnd,
  createProduct: ofStep,
  changeProduct: ofStep,
  closeSale: ofStep,
  reset: ofStep,
};
