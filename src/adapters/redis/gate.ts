import type { Cluster, Redis } from 'ioredis';
import { AppError } from '../../domain/errors.ts';
import type { StockVersion } from '../../domain/product.ts';
import { within } from '../../lib/within.ts';
import type { Claim, Gate, UpdateWhen } from '../../ports/gate.ts';
import claimScript from './claim.lua' with { type: 'text' };
import type { RedisLink } from './link.ts';

export interface RedisGateOptions {
  /** Prefix of all keys, so that several shops can share a Redis. */
  readonly namespace: string;
  /** How long a claim may take before the gate is bypassed. */
  readonly timeoutMs?: number;
  /** How long a product's entry lives after its last change. */
  readonly entryLivesMs?: number;
}

/**
 * The gate of many processes: one call of `claim.lua` per batch and product. Rejects `unavailable` when nothing was done,
 * and `outcome_unknown` when there was no answer. A claim whose answer was lost only makes the gate stricter until the next
 * stock version, so it is neither undone nor retried.
 *
 * Redis may lose its data at any time. A claim carries the newest stock version that its process has seen, and a product
 * without an entry starts from it.
 */
export async function openRedisGate(
  link: RedisLink,
  { namespace, timeoutMs = TIMEOUT_MS, entryLivesMs = ENTRY_LIVES_MS }: RedisGateOptions,
): Promise<Gate> {
  if (!/^[\w:.-]*$/.test(namespace)) {
    throw new AppError('invalid_request', 'A namespace in Redis has only letters, digits and _ : . -');
  }
  const redis = withScript(link.commands);
  const livesMs = `${entryLivesMs}`;

  /** Rejects with the client's error, which the link translates. */
  function call(
    productId: number,
    seen: StockVersion | null,
    when: UpdateWhen,
    wanted: readonly number[],
    callTimeoutMs: number,
  ): Promise<ClaimAnswer | null> {
    const [version, available] = seen ? [`${seen.version}`, `${seen.available}`] : ['', ''];
    const key = keyOf(namespace, productId);
    const answer = redis.claim(key, livesMs, version, available, when, `[${wanted}]`);
    return within(answer, callTimeoutMs, () => link.trouble.late(callTimeoutMs));
  }

  /** Tests all that a claim needs: connection, permissions, script, and a Redis that accepts writes. */
  const probe = (probeTimeoutMs: number) =>
    call(NO_PRODUCT, { productId: NO_PRODUCT, version: 1, available: 0 }, 'force', [], probeTimeoutMs);

  function failed(error: unknown): never {
    throw link.trouble.ofCommand(error);
  }

  await probe(OPEN_TIMEOUT_MS).catch((error) => {
    throw link.trouble.ofOpening(error);
  });
  return {
    async claim(productId, quantities, seen) {
      const answer = await call(productId, seen, 'ifNewer', runLengths(quantities), timeoutMs).catch(failed);
      if (answer === null) return { known: false };
      const [version, available, ...claimed] = answer;
      const stock = { productId, version: Number(version), available: Number(available) };
      return { known: true, stock, claims: judge(quantities, claimed, stock.available) };
    },
    async update(stock, when) {
      await call(stock.productId, stock, when, [], timeoutMs).catch(failed);
    },
    async forget(productId) {
      await forgetProducts(link, namespace, [productId]);
    },
    async ping() {
      await probe(timeoutMs).catch((error) => {
        throw new AppError('unavailable', link.trouble.ofCommand(error).message);
      });
    },
    async close() {
      // The link closes the connection.
    },
  };
}

/** One hash tag per product: a cluster spreads products over its nodes, and a product's keys stay together. */
function keyOf(namespace: string, productId: number): string {
  return `${namespace}:{p:${productId}}:gate`;
}

/**
 * Deletes the entries of these products. They are named, not searched for, and replaced by an empty entry that expires after
 * a millisecond, because the gate's permissions allow no SCAN and no DEL.
 */
export async function forgetProducts(
  link: RedisLink,
  namespace: string,
  productIds: readonly number[],
): Promise<void> {
  for (const productId of [NO_PRODUCT, ...productIds]) {
    try {
      await link.commands.set(keyOf(namespace, productId), '', 'PX', 1);
    } catch (error) {
      throw link.trouble.ofCommand(error);
    }
  }
}

/** A claim takes a fraction of a millisecond. A gate that needs longer than this costs more than it saves. */
const TIMEOUT_MS = 50;
const OPEN_TIMEOUT_MS = 2_000;
/** Longer than the pauses within a sale, so that its entry stays; the entry of an idle product expires. */
const ENTRY_LIVES_MS = 600_000;
/** Products are counted from 1. */
const NO_PRODUCT = 0;

type ClaimAnswer = [version: string, available: string, ...claimed: number[]];

interface WithScript {
  claim(
    key: string,
    livesMs: string,
    version: string,
    available: string,
    when: UpdateWhen,
    wanted: string,
  ): Promise<ClaimAnswer | null>;
}

/** The client sends the script once per connection and its digest from then on, and again when Redis has forgotten it. */
function withScript(commands: Redis | Cluster): WithScript {
  commands.defineCommand('pulsecartClaim', { lua: claimScript, numberOfKeys: 1 });
  const redis = commands as unknown as { pulsecartClaim: WithScript['claim'] };
  return { claim: (...values) => redis.pulsecartClaim(...values) };
}

/**
 * `[1, 1, 1, 2]` as `[1, 3, 2, 1]`. In most sales every buyer wants one unit, and then a batch of 256 is two numbers: 20 µs
 * in Redis, where a batch as one argument per quantity took 80. With quantities that never repeat both take about 90.
 */
function runLengths(quantities: readonly number[]): number[] {
  const runs: number[] = [];
  quantities.forEach((quantity, i) => {
    if (quantity === quantities[i - 1]) runs[runs.length - 1]!++;
    else runs.push(quantity, 1);
  });
  return runs;
}

/** Expands the script's answer: of each run the first `claimed` are claimed, and the rest shares one result. */
function judge(quantities: readonly number[], claimed: readonly number[], available: number): Claim[] {
  let run = -1;
  let left = 0;
  return quantities.map((quantity, i) => {
    if (quantity !== quantities[i - 1]) left = claimed[++run]!;
    if (left-- > 0) return 'claimed';
    return available < quantity ? 'refused' : 'wait';
  });
}
