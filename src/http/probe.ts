/** An engine that has not answered a probe by then is down for whoever asks: balancers wait two to five seconds. */
const PROBE_MS_MAX = 2_000;

/** The probe's own result, or a rejection when it takes too long. */
export async function inTime<T>(probe: Promise<T>, ms = PROBE_MS_MAX): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([probe, late]).finally(() => clearTimeout(timer));
}
