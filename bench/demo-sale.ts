import type { Verdict } from '../src/domain/verdict.ts';
import { type Arrived, arrivalsOf } from './arrived.ts';
import type { CrowdProgress, CrowdResult } from './crowd.ts';
import type { Environment } from './environment.ts';
import { customerOf } from './requests.ts';
import { holdOpenSale, holdSale, type OpenSale, type SaleObserver, type SaleOptions } from './sale.ts';
import { type Evidence, judge, oversold } from './verdicts.ts';

export type DemoOptions = Pick<SaleOptions, 'users' | 'units' | 'mode' | 'seed' | 'rate'>;

export interface DemoResult {
  readonly users: number;
  readonly units: number;
  readonly sold: number;
  readonly reserved: number;
  readonly available: number;
  readonly oversold: number;
  readonly answered: number;
  readonly errors: number;
  /** From the first buyer to the last one: as the crowd was planned, and as it came. */
  readonly arrivals: Arrived;
  /** From the first arrival to the last outcome. */
  readonly elapsedMs: number;
  readonly sync: { p50Ms: number | null; p95Ms: number | null; p99Ms: number | null };
  readonly async: { acceptP99Ms: number | null; confirmP99Ms: number | null };
  /** Buyers by their final answer. */
  readonly answers: Readonly<Record<'sold' | 'refused' | 'confirmed' | 'rejected', number>>;
  readonly verdicts: readonly Verdict[];
}

/** The demo without its output: a sale on the environment, and the comparison of its answers with its books. */
export async function holdDemo(
  options: DemoOptions,
  environment: Environment,
  onProgress?: (progress: CrowdProgress) => void,
): Promise<DemoResult> {
  const sale = await holdSale(options, environment, onProgress && { onProgress });
  const { crowd, evidence, serverVerdicts, audit } = sale;
  return resultOf(options, crowd, evidence, [...judge(evidence), ...serverVerdicts, ...audit]);
}

/** The demo on servers that go on afterwards. Whoever watches may buy, too. */
export async function holdWatchedDemo(
  options: DemoOptions,
  environment: Environment,
  observer: Pick<SaleObserver, 'opens' | 'onProgress'>,
): Promise<{ readonly result: DemoResult; readonly others: number; readonly sale: OpenSale }> {
  const sale = await holdOpenSale(options, environment, observer);
  const { evidence, others } = withoutOthers(sale.evidence);
  const verdicts = [...judge(evidence), ...sale.serverVerdicts, ...sale.audit];
  return { result: resultOf(options, sale.crowd, sale.evidence, verdicts), others, sale };
}

/**
 * The sale as if it had only the units that were left to the crowd: what others bought is set apart, so that the crowd's answers
 * can be compared to the unit. Each of them has one unit, because the sale allows no more to one customer.
 */
function withoutOthers(evidence: Evidence): { readonly evidence: Evidence; readonly others: number } {
  const { seed, record, product, units } = evidence;
  const crowd = new Set(Array.from({ length: record.users }, (_, buyer) => customerOf(seed, buyer)));
  const customers = evidence.customers.filter((customer) => crowd.has(customer));
  const others = evidence.customers.length - customers.length;
  const left = { ...product, total: product.total - others, sold: product.sold - others };
  return { evidence: { ...evidence, customers, product: left, units: units - others }, others };
}

function resultOf(
  options: DemoOptions,
  crowd: CrowdResult,
  evidence: Evidence,
  verdicts: readonly Verdict[],
): DemoResult {
  const { record, sync, accept, confirm } = crowd;
  const { total, reserved, sold } = evidence.product;
  return {
    users: options.users,
    units: options.units,
    sold,
    reserved,
    available: total - reserved - sold,
    oversold: oversold(evidence),
    answered: record.count('sold', 'refused', 'confirmed', 'rejected', 'failed', 'overloaded'),
    errors: record.count('none', 'accepted', 'unknown', 'wrong', 'overloaded'),
    arrivals: arrivalsOf(crowd),
    elapsedMs: Math.round(crowd.elapsedMs),
    sync: { p50Ms: sync.percentileMs(50), p95Ms: sync.percentileMs(95), p99Ms: sync.percentileMs(99) },
    async: { acceptP99Ms: accept.percentileMs(99), confirmP99Ms: confirm.percentileMs(99) },
    answers: {
      sold: record.count('sold'),
      refused: record.count('refused'),
      confirmed: record.count('confirmed'),
      rejected: record.count('rejected'),
    },
    verdicts,
  };
}
