import { readFileSync } from 'node:fs';
import { readBooksPlace, readClient } from '../config.ts';
import { AppError, isAppError } from '../domain/errors.ts';
import { FIRST_PRODUCTS } from '../domain/product.ts';
import { newWindowRefusal } from '../domain/product-changes.ts';
import type { SaleStep } from '../domain/product-steps.ts';
import { newAuditEntry } from '../http/operator-request.ts';
import { refusalSentence } from '../http/routes/sale-refusals.ts';
import { toolsOf } from '../tools.ts';
import { type Api, ApiError, openApi, operatorHere } from './api.ts';
import { readFlags, UsageError } from './flags.ts';
import { printHelp } from './help.ts';
import { readSeedFile, type SeedProduct, toNewProduct } from './seed-file.ts';

const FLAGS = {
  file: { kind: 'text', what: 'a JSON file' },
  url: { kind: 'text', what: 'the address of a server' },
  data: { kind: 'text', what: 'a folder' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart seed: puts products on sale that do not exist yet

  --file F     a JSON array of {productId, name, priceMinor, currency, units}, and if wished description,
               imageUrl, opensAt, closesAt, perCustomerLimit, customerRequired, holdSeconds (the five products of a first start)
  --url U      a running server (the one here, if one answers on 127.0.0.1 at PORT, 8080)
  --data DIR   or, without a server: the data of the embedded backends (PULSECART_DATA, ./data). Without it, and with
               DATABASE_URL set, it is that database
  --json       one JSON object {place, added, left}

A product whose id exists is unchanged. Every item is checked before the first is added: all of them or none.
Example: pulsecart seed --data ./data`;

/** The reason in the audit log. */
const REASON = 'pulsecart seed';

export async function seed(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  const products =
    flags.file === undefined ? firstProducts() : readSeedFile(readText(flags.file), flags.file);
  const api = await serverToAsk(flags);
  const result = api ? await throughServer(api, products) : await withoutServer(flags.data, products);
  if (flags.json) console.log(JSON.stringify(result));
  else console.log(describe(result));
  return 0;
}

interface Seeded {
  readonly place: string;
  readonly added: number[];
  /** Products that existed already. */
  readonly left: number[];
}

/** The running server, which then does the writing; null: the store is written directly. */
async function serverToAsk({
  url,
  data,
}: {
  url?: string | undefined;
  data?: string | undefined;
}): Promise<Api | null> {
  if (url === undefined && data !== undefined) return null;
  const api = openApi(readClient(process.env, { url }));
  if (url !== undefined) return api;
  try {
    await api.get<{ name: string }>('/', ({ name }) => name === 'pulsecart');
    return api;
  } catch (error) {
    if (isAppError(error, 'unavailable') && !(error instanceof ApiError)) return null;
    throw error;
  }
}

/** The target of the products. */
interface Counter {
  readonly place: string;
  has(productId: number): Promise<boolean>;
  /** False when another caller has created it first. */
  add(product: SeedProduct): Promise<boolean>;
}

/** Creates all of them or, when one is refused, none. Existing products are unchanged, even when their item differs. */
async function putAll({ place, has, add }: Counter, products: readonly SeedProduct[]): Promise<Seeded> {
  const left: number[] = [];
  const missing: SeedProduct[] = [];
  for (const product of products) {
    if (await has(product.productId)) left.push(product.productId);
    else missing.push(product);
  }
  for (const product of missing) requireWindow(product);
  const added: number[] = [];
  for (const product of missing) {
    const isNew = await add(product).catch((error) => {
      throw brokenOff(error, added.length, missing.length);
    });
    (isNew ? added : left).push(product.productId);
  }
  return { place, added, left };
}

/** The ledger's other rules; it checks them again, by its own clock. */
function requireWindow(product: SeedProduct): void {
  const refusal = newWindowRefusal(toNewProduct(product), Date.now());
  if (refusal) throw refusedProduct(product, { kind: 'refused', ...refusal, product: null, mostHeld: null });
}

function refusedProduct(
  { productId }: SeedProduct,
  step: Extract<SaleStep, { kind: 'refused' }>,
): UsageError {
  return new UsageError(`Product ${productId}: ${refusalSentence(step, Date.now())}`);
}

/** An outage in between. Nothing has to be undone, because the same command continues where this one stopped. */
function brokenOff(error: unknown, added: number, of: number): unknown {
  if (added === 0 || !(error instanceof AppError)) return error;
  const message = `${error.message.replace(/\.?$/, '.')} ${added} of ${of} products were added before: the same command adds the others.`;
  return new AppError(error.code, message, { cause: error });
}

function throughServer(api: Api, products: readonly SeedProduct[]): Promise<Seeded> {
  async function has(id: number): Promise<boolean> {
    try {
      await api.get<SeedProduct>(`/api/v1/products/${id}`, ({ productId }) => productId === id);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }
  async function add(product: SeedProduct): Promise<boolean> {
    const body = { ...product, reason: REASON };
    const isIt = ({ productId }: Partial<SeedProduct>) => productId === product.productId;
    try {
      await api.send<SeedProduct>('POST', '/api/v1/products', body, isIt);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.refusal === 'product_exists') return false;
      throw error;
    }
  }
  return putAll({ place: `at ${api.url}`, has, add }, products);
}

async function withoutServer(data: string | undefined, products: readonly SeedProduct[]): Promise<Seeded> {
  const store = await (await toolsOf(readBooksPlace(process.env, data))).productStore();
  const has = async (id: number) => (await store.product(id)) !== undefined;
  async function add(product: SeedProduct): Promise<boolean> {
    const subject = `product/${product.productId}`;
    const operation = newAuditEntry(operatorHere() ?? 'operator', 'product.create', subject, REASON);
    const step = await store.createProduct(toNewProduct(product), operation);
    if (step.kind === 'done') return true;
    if (step.code === 'product_exists') return false;
    throw refusedProduct(product, step);
  }
  try {
    return await putAll({ place: store.place, has, add }, products);
  } finally {
    await store.close();
  }
}

function firstProducts(): SeedProduct[] {
  return FIRST_PRODUCTS.map(({ id, name, description, priceMinor, currency, units }) => ({
    productId: id,
    name,
    description: description ?? null,
    priceMinor,
    currency,
    units,
  }));
}

/** Strips the byte order mark of some editors. */
function readText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`${file} is not UTF-8`);
    throw new UsageError(`--file cannot be read: ${(error as Error).message}`);
  }
}

function describe({ place, added, left }: Seeded): string {
  const lines = [
    `  ${added.length} product${added.length === 1 ? '' : 's'} added ${place}${added.length > 0 ? `: ${added.join(', ')}` : ''}`,
  ];
  if (left.length > 0)
    lines.push(
      left.length === 1
        ? `  1 was there already and is left as it is: ${left[0]}`
        : `  ${left.length} were there already and are left as they are: ${left.join(', ')}`,
    );
  return lines.join('\n');
}
