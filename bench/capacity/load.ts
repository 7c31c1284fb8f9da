import type { Mode } from '../arrivals.ts';
import type { OpenProfile } from '../profiles.ts';
import { assumed } from './assumptions.ts';
import type { Constants, Cost } from './constants.ts';
import type { Moment } from './timeline.ts';

/** A sale of one product. */
export interface Ask {
  readonly buyers: number;
  readonly minutes: number;
  readonly units: number;
  readonly profile: OpenProfile;
  readonly mode: Mode;
  /** Live viewers at the same time. */
  readonly viewers: number;
}

/** CPU time in µs per second, and traffic, at one moment. */
export interface Load {
  readonly api: Cost;
  readonly worker: Cost;
  readonly arrivalsPerS: number;
  readonly purchasesPerS: number;
  readonly readsPerS: number;
  readonly eventsPerS: number;
  /** All that passes a balancer. */
  readonly requestsPerS: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly liveBytes: number;
}

export function loadAt(moment: Moment, ask: Ask, { costUs, bytes, event }: Constants): Load {
  const async = asyncShare(ask.mode);
  const sync = 1 - async;
  const { arrivalsPerS, soldPerS, refusedPerS, hopefulPerS } = moment;
  // A repetition looks its key up in the ledger, so it is counted like a purchase that sells.
  const repeatsPerS = arrivalsPerS * ask.profile.repeats.share;
  const lostPerS = arrivalsPerS - hopefulPerS;
  const readsPerS = arrivalsPerS * assumed('readsPerBuyer');
  const outcomesPerS = async * (soldPerS + refusedPerS);
  // Charging goes on at the company's pace, long after the sale.
  const chargesPerS = Math.min(assumed('chargesPerS'), ask.units);
  const isSelling = soldPerS > 0;
  const eventsPerS = isSelling ? ask.viewers * assumed('eventsPerViewerPerS') : 0;
  const api = sum([
    [costUs.syncSold, sync * soldPerS + repeatsPerS],
    [costUs.syncRefused, sync * refusedPerS],
    [costUs.asyncAccepted, async * hopefulPerS],
    [costUs.asyncRefused, async * lostPerS],
    [costUs.outcomeRead, outcomesPerS],
    [costUs.stockRead, readsPerS],
    [{ process: event.processUs, postgres: 0, redis: 0, rabbitmq: 0 }, eventsPerS],
  ]);
  // Those who were accepted and came too late are decided as well.
  const decidedPerS = async * (soldPerS + Math.max(0, refusedPerS - lostPerS));
  const worker = sum([
    [costUs.decided, decidedPerS],
    [costUs.charged, chargesPerS],
  ]);
  const purchasesPerS = arrivalsPerS + repeatsPerS;
  const requestsPerS = purchasesPerS + readsPerS + outcomesPerS;
  const overhead = assumed('wireBytes');
  const purchaseBytes = bytes.syncSold.request + assumed('headerBytes') + overhead;
  const readBytes = bytes.stockRead.request + assumed('headerBytes') + overhead;
  const liveBytes = eventsPerS * (event.bytes + overhead);
  return {
    api,
    worker,
    arrivalsPerS,
    purchasesPerS,
    readsPerS,
    eventsPerS,
    requestsPerS,
    bytesIn: purchasesPerS * purchaseBytes + (readsPerS + outcomesPerS) * readBytes,
    bytesOut:
      (soldPerS + repeatsPerS) * (bytes.syncSold.answer + overhead) +
      refusedPerS * (bytes.syncRefused.answer + overhead) +
      outcomesPerS * (bytes.asyncAccepted.answer + overhead) +
      readsPerS * (bytes.stockRead.answer + overhead) +
      liveBytes,
    liveBytes,
  };
}

/** The share of buyers who take the async way. */
export function asyncShare(mode: Mode): number {
  return mode === 'both' ? 0.5 : mode === 'async' ? 1 : 0;
}

function sum(parts: readonly (readonly [Cost, number])[]): Cost {
  const at = (place: keyof Cost) => parts.reduce((total, [cost, perS]) => total + cost[place] * perS, 0);
  return { process: at('process'), postgres: at('postgres'), redis: at('redis'), rabbitmq: at('rabbitmq') };
}
