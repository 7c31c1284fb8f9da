import { type Api, ApiError } from '../../src/cli/api.ts';
import { AppError } from '../../src/domain/errors.ts';
import type { Verdict } from '../../src/domain/verdict.ts';
import type { Mode } from '../arrivals.ts';
import type { CrowdProgress } from '../crowd.ts';
import { type OpenProfileName, openProfile } from '../profiles.ts';
import { holdRush, type RushResult } from '../rush-sale.ts';
import { count } from '../text.ts';
import {
  findOthers,
  type HiddenProduct,
  makeHiddenProduct,
  NotRemoved,
  type ProductTerms,
  removeHiddenProduct,
  termsLike,
} from './hidden-product.ts';
import { judgeCorrectness, judgeRefusals, judgeThresholds, type Measured, measuredOf } from './judge.ts';
import { checkAddressLimit, checkServer, checkThisMachine } from './pre-flight.ts';
import { watchLoad } from './server-load.ts';
import type { Thresholds } from './thresholds.ts';
import { type Decision, decisionOf, type RehearsalVerdict } from './verdict.ts';

export interface RehearsalOptions {
  readonly users: number;
  /** Buyers per second, on average. */
  readonly rate: number;
  readonly profile: OpenProfileName;
  readonly mode: Mode;
  readonly seed: number;
  /** The product whose price, units and limit are taken over; null: those of `TERMS`. */
  readonly like: number | null;
  /** Units on sale; null: those of the product that it is like. */
  readonly units: number | null;
  readonly thresholds: Thresholds;
}

/** Everything that a report shows. */
export interface RehearsalResult extends Decision {
  readonly url: string;
  readonly startedAt: string;
  readonly tookMs: number;
  /** Null where there was none that said so. */
  readonly serverVersion: string | null;
  readonly options: RehearsalOptions;
  /** Null when the pre-flight ended it. */
  readonly product: HiddenProduct | null;
  /** What the crowd met; null when it was not sent. */
  readonly crowd: RushResult | null;
  readonly measured: Measured;
  readonly verdicts: readonly RehearsalVerdict[];
  /** Ended by a signal. */
  readonly interrupted: boolean;
  /** The hidden product, where it could not be removed; `--clean-up` does it later. */
  readonly leftBehind: number | null;
}

/** A flash sale as the demo has it, where no product is named. */
const TERMS: ProductTerms = {
  priceMinor: 999_99,
  units: 1_000,
  perCustomerLimit: null,
  customerRequired: false,
};

export interface RehearsalCalls {
  /** For operators. */
  readonly api: Api;
  /** As buyers have it, without a token. */
  readonly buyers: Api;
  /** Stops the crowd. */
  readonly signal: AbortSignal;
  onProgress?(progress: CrowdProgress): void;
  /** One line of what happens now. */
  onStep(text: string): void;
}

/**
 * Looks whether the deployment is fit for the crowd, sends it to a product of its own, and judges. The product is removed
 * however that ends; where it cannot be, the result says so.
 */
export async function holdRehearsal(
  options: RehearsalOptions,
  calls: RehearsalCalls,
): Promise<RehearsalResult> {
  const { api, signal, onStep } = calls;
  const startedAt = new Date().toISOString();
  const startedMs = performance.now();
  const verdicts: RehearsalVerdict[] = [];
  let serverVersion: string | null = null;
  let product: HiddenProduct | null = null;
  let crowd: RushResult | null = null;
  let measured: Measured = {};
  let leftBehind: number | null = null;

  onStep('pre-flight');
  const terms = options.like === null ? TERMS : await termsLike(api, options.like);
  const viewers = Math.round(options.users * openProfile(options.profile).viewersPerBuyer);
  const server = await checkServer(api, viewers);
  serverVersion = server.version;
  verdicts.push(...server.verdicts, checkThisMachine(viewers), ...(await othersGone(api, onStep)));
  if (!hasFailed(verdicts) && !signal.aborted) {
    const wanted = { ...terms, ...(options.units !== null && { units: options.units }) };
    product = await makeHiddenProduct(api, wanted, options.users / options.rate);
    try {
      verdicts.push(await checkAddressLimit(api, product.productId));
      if (!hasFailed(verdicts) && !signal.aborted) {
        onStep(`crowd of ${count(options.users)} at hidden product ${product.productId}`);
        ({ crowd, measured } = await sendCrowd(options, product, calls));
        // First: it is why the others are not judged.
        if (crowd.serverGone) verdicts.push(gone());
        verdicts.push(...judgeCorrectness(crowd.verdicts), judgeRefusals(crowd));
        if (!crowd.serverGone && !signal.aborted) verdicts.push(await booksBalance(api));
        verdicts.push(...judgeThresholds(options.thresholds, measured));
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      verdicts.push({ group: 'correctness', name: 'broken off', state: 'FAIL', detail: error.message });
    } finally {
      onStep('clean-up');
      const cleanUp = await removed(api, product.productId);
      if (cleanUp.state === 'FAIL') leftBehind = product.productId;
      verdicts.push(cleanUp);
    }
  }
  const interrupted = signal.aborted;
  return {
    ...(interrupted ? { go: false, line: 'NO-GO: it was interrupted' } : decisionOf(verdicts)),
    url: api.url,
    startedAt,
    tookMs: Math.round(performance.now() - startedMs),
    serverVersion,
    options,
    product,
    crowd,
    measured,
    verdicts,
    interrupted,
    leftBehind,
  };
}

async function sendCrowd(
  { users, rate, profile, mode, seed }: RehearsalOptions,
  { productId }: HiddenProduct,
  { api, buyers, signal, onProgress }: RehearsalCalls,
): Promise<{ crowd: RushResult; measured: Measured }> {
  const load = watchLoad(api);
  try {
    const { operatorToken } = api;
    const buying = { productId, units: null, users, rate, profile: openProfile(profile), mode, seed };
    const sale = { ...buying, operatorToken };
    const crowd = await holdRush(sale, buyers, signal, onProgress);
    return { crowd, measured: measuredOf(crowd, await load.stop()) };
  } finally {
    await load.stop();
  }
}

/** What an earlier rehearsal left is removed; one that runs would be measured with ours. */
async function othersGone(api: Api, onStep: (text: string) => void): Promise<RehearsalVerdict[]> {
  const { died, running } = await findOthers(api);
  const verdicts: RehearsalVerdict[] = [];
  for (const { productId } of died) {
    onStep(`removes hidden product ${productId}, which an earlier rehearsal left`);
    const { state, detail } = await removed(api, productId);
    verdicts.push({ group: 'pre-flight', name: "an earlier rehearsal's product is removed", state, detail });
  }
  for (const { productId, name } of running) {
    const detail = `"${name}" runs (hidden product ${productId}). If it died: pulsecart rehearse --clean-up ${productId} --url ${api.url}`;
    verdicts.push({ group: 'pre-flight', name: 'another rehearsal', state: 'FAIL', detail });
  }
  return verdicts;
}

async function removed(api: Api, productId: number): Promise<RehearsalVerdict> {
  const found = { group: 'clean-up', name: 'hidden product removed' } as const;
  try {
    await removeHiddenProduct(api, productId);
    return { ...found, state: 'PASS', detail: `product ${productId}, with all that its sale left` };
  } catch (error) {
    if (!(error instanceof NotRemoved)) throw error;
    return { ...found, state: 'FAIL', detail: error.message };
  }
}

/** While the hidden product and its orders are still in the books. */
async function booksBalance(api: Api): Promise<RehearsalVerdict> {
  const found = { group: 'correctness', name: 'books balance' } as const;
  try {
    const { pass, verdicts } = await api.send<{ pass: boolean; verdicts: Verdict[] }>(
      'POST',
      '/api/v1/ops/audit',
      { reason: 'rehearsal' },
    );
    const broken = verdicts.filter((one) => !one.pass).map(({ name, detail }) => `${name}: ${detail}`);
    const detail = pass ? `${verdicts.length} verdicts of the audit` : broken.join('; ');
    return { ...found, state: pass ? 'PASS' : 'FAIL', detail };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const why =
      error instanceof ApiError && error.status === 409 ? 'another audit is running' : error.message;
    // What could not be judged is no proof.
    return { ...found, state: 'FAIL', detail: `not judged: ${why}` };
  }
}

function gone(): RehearsalVerdict {
  const detail = 'it refused every connection for five seconds, and the crowd was stopped';
  return { group: 'correctness', name: 'the server stopped answering', state: 'FAIL', detail };
}

function hasFailed(verdicts: readonly RehearsalVerdict[]): boolean {
  return verdicts.some(({ state }) => state === 'FAIL');
}
