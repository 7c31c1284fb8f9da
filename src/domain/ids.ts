import { createCipheriv, createHmac, randomFillSync, timingSafeEqual } from 'node:crypto';
import type { Channel } from './order.ts';

/**
 * Purchase ids: UUIDs of version 7 (RFC 9562) whose last 32 bits are a MAC, so that "not decided yet" and "never issued"
 * can be distinguished without a write, and ids cannot be guessed.
 *
 *   48 bits  milliseconds since the epoch
 *    4 bits  version 7
 *   12 bits  rand_a: 1 bit `sold out at intake`, 11 bits counter
 *    2 bits  variant
 *   30 bits  1 bit `async` and 29 random ones; or, in a sold-out id, 12 bits product and 3 bits quantity before 15 random ones
 *   32 bits  MAC: the first 32 bits of AES-128 over the 16 bytes before, with these four zero. AES is a pseudo-random
 *            function on single blocks, so this is as strong as its length, and a forger gets one guess per request.
 *
 * With an owner the last 15 of the random bits are the customer's mark: what is queued is in no table that could tell whose it is, and an
 * order's customer is in the ledger. A guess at a mark wants an id that is not to be guessed first.
 *
 * Ids begin with their time, so a store appends them instead of scattering them over its index.
 */
export interface PurchaseIds {
  /** A new id for a purchase that will be decided. `owner`: the customer to mark it for; null: an anonymous one. */
  mint(channel?: Channel, owner?: string | null): string;
  /**
   * A new id that encodes "sold out when it was accepted", or null when product or quantity do not fit in it
   * (product above 4095, quantity above 8).
   */
  mintSoldOut(productId: number, quantity: number, owner?: string | null): string | null;
  /** Whether an id that `read` knows bears this customer's mark. One in 32,768 others does, too. */
  isMarkedFor(id: string, customer: string | null): boolean;
  /** The fields of an id, or null for an id that was never issued. */
  read(id: string): PurchaseIdParts | null;
}

export interface PurchaseIdParts {
  /** When the purchase was accepted (ms since the epoch). */
  readonly acceptedAt: number;
  readonly channel: Channel;
  readonly soldOut: { readonly productId: number; readonly quantity: number } | null;
}

/** Lower than every UUID of version 7 that was made at this time (ms since the epoch) or later, higher than all before. */
export function lowestIdAt(ms: number): string {
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

export const PURCHASE_ID_PATTERN = '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$';
export const PURCHASE_ID_KEY_BYTES = 16;

const SOLD_OUT_PRODUCT_MAX = 0xfff;
const SOLD_OUT_QUANTITY_MAX = 8;
/** Most ids made at once: one call of the cipher costs as much as about fifty blocks in it. */
const BLOCK_IDS_MAX = 64;
const BLOCK_IDS_MIN = 2;
const SOLD_OUT_FLAG = 0x08;
const SOLD_OUT_BITS = 15;
const MARK_MASK = 0x7fff;
/** The first of the 30 bits after the variant. */
const ASYNC_FLAG = 0x20;
/** Values of the counter, and so the most ids that bear the same millisecond. */
const COUNTER_VALUES = 0x800;

export function createPurchaseIds(key: Uint8Array, now: () => number): PurchaseIds {
  const encrypt = blockCipher(key);
  const plain = { sync: minter(encrypt, now, 0, 1), async: minter(encrypt, now, 1, 1) };
  const soldOut = new Map<number, () => string>();
  const shape = new RegExp(PURCHASE_ID_PATTERN);
  const markOf = createMarkOf(key);
  const marked = (id: string, owner: string | null | undefined) =>
    owner === undefined ? id : withMark(encrypt, id, markOf(owner));
  return {
    mint: (channel = 'sync', owner) => marked(plain[channel](), owner),
    mintSoldOut(productId, quantity, owner) {
      if (productId > SOLD_OUT_PRODUCT_MAX || quantity > SOLD_OUT_QUANTITY_MAX) return null;
      const slot = (productId << 3) | (quantity - 1);
      let mint = soldOut.get(slot);
      if (!mint) {
        mint = minter(encrypt, now, slot, SOLD_OUT_BITS);
        soldOut.set(slot, mint); // at most 4096 × 8 entries
      }
      return marked(mint(), owner);
    },
    isMarkedFor: (id, customer) => (Number.parseInt(id.slice(24, 28), 16) & MARK_MASK) === markOf(customer),
    read(id) {
      if (!shape.test(id)) return null;
      const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
      const mac = Buffer.from(bytes.subarray(12));
      bytes.fill(0, 12);
      if (!timingSafeEqual(mac, encrypt(bytes).subarray(0, 4))) return null;
      const soldOut = readSoldOut(bytes);
      const channel = soldOut || (bytes[8]! & ASYNC_FLAG) !== 0 ? 'async' : 'sync';
      return { acceptedAt: bytes.readUIntBE(0, 6), channel, soldOut };
    },
  };
}

/** A customer's 15 bits: pseudo-random for who has no key. */
function createMarkOf(key: Uint8Array): (customer: string | null) => number {
  return (customer) => {
    const owner = customer === null ? 'anonymous' : `customer:${customer}`;
    return createHmac('sha256', key).update(owner).digest().readUInt16BE() & MARK_MASK;
  };
}

/** The same id with a mark, and the MAC that it then has. */
function withMark(encrypt: (blocks: Buffer) => Buffer, id: string, mark: number): string {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
  bytes.writeUInt32BE(((bytes.readUInt32BE(8) & ~MARK_MASK) | mark) >>> 0, 8);
  bytes.fill(0, 12);
  const mac = encrypt(bytes).toString('hex', 0, 4);
  const marked = bytes.toString('hex', 8, 12);
  return `${id.slice(0, 19)}${marked.slice(0, 4)}-${marked.slice(4)}${mac}`;
}

function readSoldOut(bytes: Buffer): PurchaseIdParts['soldOut'] {
  if ((bytes[6]! & SOLD_OUT_FLAG) === 0) return null;
  const slot = (bytes.readUInt32BE(8) >>> 15) & 0x7fff;
  return { productId: slot >>> 3, quantity: (slot & 7) + 1 };
}

/**
 * Makes ids a block at a time within one millisecond. The counter starts at random and rises, so one process never
 * makes the same time and counter twice: when a millisecond has used it up, which takes a clock that was set back, ids
 * bear the next millisecond already (RFC 9562, 6.2). The random bits keep processes apart. `prefix` goes before them.
 */
function minter(
  encrypt: (blocks: Buffer) => Buffer,
  now: () => number,
  prefix: number,
  prefixBits: typeof SOLD_OUT_BITS | 1,
): () => string {
  const flags = prefixBits === SOLD_OUT_BITS ? 0x7800 : 0x7000;
  const randomBits = 30 - prefixBits;
  let size = BLOCK_IDS_MIN;
  let block = Buffer.alloc(16 * size);
  let hex = '';
  let next = size;
  let blockTime = -1;
  /** Ids made for `blockTime` so far. */
  let made = 0;
  let counter = randomFillSync(Buffer.alloc(2)).readUInt16BE();
  const fill = (wanted: number) => {
    // As many as the last millisecond used: a block is good for one millisecond, and what is left of it is wasted.
    const fitting = next === size ? Math.min(size * 2, BLOCK_IDS_MAX) : Math.max(next, BLOCK_IDS_MIN);
    if (fitting !== size) {
      size = fitting;
      block = Buffer.alloc(16 * size);
    }
    const time = wanted === blockTime && made + size > COUNTER_VALUES ? wanted + 1 : wanted;
    made = time === blockTime ? made + size : size;
    randomFillSync(block);
    for (let at = 0; at < block.length; at += 16) {
      counter = (counter + 1) % COUNTER_VALUES;
      block.writeUIntBE(time, at, 6);
      block.writeUInt16BE(flags | counter, at + 6);
      const random = block.readUInt32BE(at + 8) & ((1 << randomBits) - 1);
      const bits = (prefix << randomBits) | random;
      block.writeUInt32BE((0x80000000 | bits) >>> 0, at + 8);
      block.writeUInt32BE(0, at + 12);
    }
    const macs = encrypt(block);
    for (let at = 0; at < block.length; at += 16) macs.copy(block, at + 12, at, at + 4);
    hex = block.toString('hex');
    blockTime = time;
    next = 0;
  };
  return () => {
    // The time never goes back, even when the clock does: the counter alone must not be what keeps two ids apart.
    const time = Math.max(now(), blockTime);
    if (next === size || time !== blockTime) fill(time);
    const at = next++ * 32;
    return (
      hex.slice(at, at + 8) +
      '-' +
      hex.slice(at + 8, at + 12) +
      '-' +
      hex.slice(at + 12, at + 16) +
      '-' +
      hex.slice(at + 16, at + 20) +
      '-' +
      hex.slice(at + 20, at + 32)
    );
  };
}

/** Encrypts each 16-byte block separately. One cipher is enough, because ECB keeps no state between blocks. */
function blockCipher(key: Uint8Array): (blocks: Buffer) => Buffer {
  const cipher = createCipheriv('aes-128-ecb', key, null);
  cipher.setAutoPadding(false);
  return (blocks) => cipher.update(blocks);
}
