import type { Channel } from '../../domain/order.ts';
import type { PurchaseKey } from '../../domain/purchase.ts';
import type { Buyers } from '../buyers/buyers.ts';
import { type PurchaseRequest, readPurchase } from '../purchase-request.ts';
import type { Limits } from './limits.ts';
import type { PurchasePass } from './pass.ts';
import type { Rate } from './rates.ts';
import { overLimit, rateFields, withFields } from './refusal.ts';

/** The limits of purchases: how one is read under them, and what its answer then means for them. */
export interface PurchaseLimits {
  /** As `readPurchase`, or the refusal. */
  read(req: Request, server: Bun.Server<unknown>): ReturnType<typeof readPurchase>;
  /**
   * Tells them of an answer with an order or a tracking id, and says in it how little is left. One that an earlier request was given
   * already was no attempt: what was counted for it is given back.
   */
  answered(pass: PurchasePass | undefined, isRepeat: boolean): void;
  /** The answer, with what is left where that is little. */
  shown(pass: PurchasePass | undefined, answer: Response): Response;
}

/** Whose attempts count together. */
function customerOf({ customer }: PurchaseRequest): string | null {
  return customer;
}

export function createPurchaseLimits(limits: Limits, channel: Channel, buyers: Buyers): PurchaseLimits {
  const { rates, addressKey, answeredKeys, nowUs } = limits;
  const byAddress = rates['purchase-address'];
  const byCustomer = rates['purchase-customer'];
  const byProduct = rates['purchase-product'];
  const byCancels = rates['cancel-product'];
  const byRead = rates['read-address'];

  function refuse(req: Request, rate: Rate, wait: number): Response | null {
    if (limits.isExempt(req)) return null;
    limits.refused(rate.name, req);
    return overLimit(req, rate, wait, 'error');
  }

  /** By address before the body is read, so that a flood costs the least; a repeat under a key shows only in the body. */
  function read(req: Request, server: Bun.Server<unknown>): ReturnType<typeof readPurchase> {
    const address = addressKey(req, server);
    const now = nowUs();
    const isAsked = byAddress !== null && address !== null;
    const wait = isAsked ? byAddress.take(address, now) : 0;
    // Others are asked for while the body is read.
    const fields = isAsked ? fieldsOf(byAddress, now) : null;
    if (wait > 0 && !req.headers.has('idempotency-key')) {
      const refusal = refuse(req, byAddress!, wait);
      if (refusal) return refusal;
      return readPurchase(req, server, channel, buyers);
    }
    return readPurchase(req, server, channel, buyers, (purchase) =>
      admit(req, purchase, address, wait, fields),
    );
  }

  function admit(
    req: Request,
    purchase: PurchaseRequest,
    address: string | null,
    addressWait: number,
    addressFields: PurchasePass['fields'],
  ): PurchaseRequest | Response {
    const { key, productId } = purchase;
    const customer = customerOf(purchase);
    const counted = { address, customer, productId, key };
    const now = nowUs();
    if (key !== null && answeredKeys.has(nameOf(key))) {
      if (address !== null && addressWait === 0) byAddress?.giveBack(address, now);
      // It reads what was answered.
      const wait = address === null ? 0 : (byRead?.take(address, now) ?? 0);
      const refusal = wait === 0 ? null : refuse(req, byRead!, wait);
      return refusal ?? { ...purchase, pass: { ...counted, isCounted: false, fields: null } };
    }
    if (addressWait > 0) return refuse(req, byAddress!, addressWait) ?? purchase;
    let fields = addressFields;
    if (customer !== null) {
      if (!takeAll(customer, productId, now)) {
        const [rate, wait] = worst(customer, productId, now);
        return refuse(req, rate!, wait) ?? purchase;
      }
      fields = fieldsOf(byProduct, now) ?? fieldsOf(byCustomer, now) ?? fields;
    }
    return { ...purchase, pass: { ...counted, isCounted: true, fields } };
  }

  /** All or nothing: none counts what another refuses. */
  function takeAll(customer: string, productId: number, now: number): boolean {
    if (byCustomer !== null && byCustomer.take(customer, now) > 0) return false;
    if (byProduct === null || byProduct.take(customer, now, productId) === 0) {
      if (byCancels === null || byCancels.wait(customer, now, productId) === 0) return true;
      byProduct?.giveBack(customer, now, productId);
    }
    byCustomer?.giveBack(customer, now);
    return false;
  }

  /** The rate that keeps this customer waiting longest. */
  function worst(customer: string, productId: number, now: number): readonly [Rate | null, number] {
    let found: readonly [Rate | null, number] = NONE;
    const waits = [
      [byCustomer, byCustomer?.wait(customer, now) ?? 0],
      [byProduct, byProduct?.wait(customer, now, productId) ?? 0],
      [byCancels, byCancels?.wait(customer, now, productId) ?? 0],
    ] as const;
    for (const one of waits) if (one[1] > found[1]) found = one;
    return found;
  }

  return {
    read,
    answered(pass, isRepeat) {
      if (!pass) return;
      const { key, address, customer, productId, isCounted } = pass;
      if (key !== null) answeredKeys.add(nameOf(key));
      if (!isRepeat || !isCounted) return;
      const now = nowUs();
      if (address !== null) byAddress?.giveBack(address, now);
      if (customer === null) return;
      byCustomer?.giveBack(customer, now);
      byProduct?.giveBack(customer, now, productId);
    },
    shown: (pass, answer) => (pass?.fields ? withFields(answer, pass.fields) : answer),
  };
}

/** A customer cancels an order: it counts against buying the product again. Cancelling itself is always free, because units come back. */
export function countCancel(limits: Limits | null, customer: string | null, productId: number): void {
  if (customer !== null) limits?.rates['cancel-product']?.add(customer, limits.nowUs(), productId);
}

const NONE = [null, 0] as const;

function fieldsOf(rate: Rate | null, now: number): Readonly<Record<string, string>> | null {
  const scarce = rate?.scarce(now);
  return rate && scarce ? rateFields(rate, scarce.left, scarce.moreAfterS) : null;
}

function nameOf({ scope, value }: PurchaseKey): string {
  return `${scope}\n${value}`;
}
