/**
 * The generic cell rate algorithm (ITU-T I.371, as a virtual scheduling algorithm): one number per key says all, the theoretical
 * arrival time (TAT) of its next request. In any span of time, wherever it begins, no more than `burst + rate × span` requests pass;
 * a fixed window lets twice the limit through at its edge. A TAT that is not ahead of now is as good as none.
 *
 * Times are whole microseconds, so that sums are exact.
 */
export interface RatePolicy {
  /** Between two requests at the full rate, rounded up: never more than the rate. */
  readonly intervalUs: number;
  /** Requests that may come at once. */
  readonly burst: number;
}

export function ratePolicy(requests: number, periodUs: number, burst: number): RatePolicy {
  return { intervalUs: Math.ceil(periodUs / requests), burst };
}

/** How long a request at `nowUs` would have to wait; 0: it may pass. */
export function waitUs({ intervalUs, burst }: RatePolicy, tatUs: number, nowUs: number): number {
  return Math.max(0, tatUs - nowUs - (burst - 1) * intervalUs);
}

/** The TAT after one request more. */
export function charged({ intervalUs }: RatePolicy, tatUs: number, nowUs: number): number {
  return Math.max(tatUs, nowUs) + intervalUs;
}

/** The TAT as if one request less had passed. */
export function refunded({ intervalUs }: RatePolicy, tatUs: number, nowUs: number): number {
  return Math.max(nowUs, tatUs - intervalUs);
}

/** How many more may pass at `nowUs`. */
export function unitsLeft({ intervalUs, burst }: RatePolicy, tatUs: number, nowUs: number): number {
  return Math.max(0, Math.floor((burst * intervalUs - Math.max(0, tatUs - nowUs)) / intervalUs));
}

/** When one more may pass than now; 0 where the whole burst may. */
export function moreAfterUs(policy: RatePolicy, tatUs: number, nowUs: number): number {
  const taken = policy.burst - unitsLeft(policy, tatUs, nowUs);
  return Math.max(0, tatUs - nowUs - (taken - 1) * policy.intervalUs);
}
