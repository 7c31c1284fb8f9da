import type { Clock } from '../../domain/clock.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { BuyerPayments } from '../../ports/provider.ts';

/** Rare enough to be no load, and soon enough for what takes weeks. */
const EVERY_MS = 5 * 60_000;
/** An event may be listed somewhat later than it happened, and clocks differ. */
const OVERLAP_MS = 10 * 60_000;
/** The company keeps no older ones. */
const KEPT_MS = 30 * 24 * 3_600_000;
/** When it was asked last, for every process and the next start. */
const NOTE = 'provider_events_asked';

export interface EventPollDependencies {
  readonly ledger: Pick<Ledger, 'takeEvent' | 'note' | 'setNote'>;
  readonly buyerPays: Pick<BuyerPayments, 'eventsSince'>;
  readonly clock: Clock;
}

/** Asks the company, now and then, for events of which it may have told in vain. One that was told is taken once all the same. */
export function createEventPoll({ ledger, buyerPays, clock }: EventPollDependencies) {
  let dueAtMs = Number.NEGATIVE_INFINITY;
  return async (): Promise<void> => {
    if (performance.now() < dueAtMs) return;
    dueAtMs = performance.now() + EVERY_MS;
    const nowMs = clock();
    const lastMs = Number((await ledger.note(NOTE))?.value ?? nowMs);
    for await (const event of buyerPays.eventsSince(Math.max(lastMs - OVERLAP_MS, nowMs - KEPT_MS))) {
      await ledger.takeEvent(event, null);
    }
    await ledger.setNote(NOTE, String(nowMs));
  };
}
