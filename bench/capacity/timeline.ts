/** Who comes, who buys, who is refused, and who waits. */
export interface Timeline {
  /** Of equal length, a second where the sale is not longer than an hour and a half. */
  readonly moments: readonly Moment[];
  readonly momentS: number;
  /** When the last unit is sold; null when not all are. */
  readonly soldOutAfterS: number | null;
  /** Bought and not decided yet, at most. */
  readonly waitingMax: number;
}

/** The mean of a moment. */
export interface Moment {
  /** Buyers who come, per second. */
  readonly arrivalsPerS: number;
  readonly soldPerS: number;
  readonly refusedPerS: number;
  /** Came while units were left: they are accepted or wait, and the ledger decides about them. */
  readonly hopefulPerS: number;
}

/** Fine enough for the few seconds in which most buyers of a flash crowd come. */
const STEPS = 6_000;

/** One product; a unit each. Buyers are sold to in their order, at most `soldPerSMax` a second, and refused when none is left. */
export function saleTimeline(sale: {
  readonly buyers: number;
  readonly seconds: number;
  readonly units: number;
  /** Points of the arrival rate: [share of the time, rate in any unit], straight lines between them. */
  readonly arrivals: readonly (readonly [number, number])[];
  readonly soldPerSMax: number;
}): Timeline {
  const { buyers, seconds, arrivals, soldPerSMax } = sale;
  const stepS = seconds / STEPS;
  // Nobody sizes a shop for a twentieth of a second.
  const stepsPerMoment = Math.max(1, Math.round(1 / stepS));
  const momentS = stepsPerMoment * stepS;
  const whole = areaUntil(arrivals, 1);
  const moments: Moment[] = [];
  let [left, waiting, before, waitingMax] = [sale.units, 0, 0, 0];
  let soldOutAfterS: number | null = null;
  let now = { arrivalsPerS: 0, soldPerS: 0, refusedPerS: 0, hopefulPerS: 0 };
  for (let step = 1; step <= STEPS; step++) {
    const until = (areaUntil(arrivals, step / STEPS) / whole) * buyers;
    const came = until - before;
    before = until;
    const hopeful = left > 0 ? came : 0;
    waiting += came;
    const sold = Math.min(waiting, left, soldPerSMax * stepS);
    left -= sold;
    waiting -= sold;
    // Once the last unit is gone they are refused at once.
    if (left > 0) waitingMax = Math.max(waitingMax, waiting);
    const refused = left > 0 ? 0 : waiting;
    waiting -= refused;
    if (left <= 0) soldOutAfterS ??= step * stepS;
    now = {
      arrivalsPerS: now.arrivalsPerS + came / momentS,
      soldPerS: now.soldPerS + sold / momentS,
      refusedPerS: now.refusedPerS + refused / momentS,
      hopefulPerS: now.hopefulPerS + hopeful / momentS,
    };
    if (step % stepsPerMoment === 0 || step === STEPS) {
      moments.push(now);
      now = { arrivalsPerS: 0, soldPerS: 0, refusedPerS: 0, hopefulPerS: 0 };
    }
  }
  return { moments, momentS, soldOutAfterS, waitingMax };
}

/** The area under the arrival curve from 0 to `share` of the time. */
export function areaUntil(arrivals: readonly (readonly [number, number])[], share: number): number {
  let area = 0;
  for (let i = 1; i < arrivals.length; i++) {
    const [from, rate] = arrivals[i - 1]!;
    const [to, nextRate] = arrivals[i]!;
    if (to === from || share <= from) continue;
    const end = Math.min(share, to);
    const endRate = rate + ((nextRate - rate) * (end - from)) / (to - from);
    area += ((rate + endRate) / 2) * (end - from);
  }
  return area;
}
