import { readFileSync } from 'node:fs';
import { readBooksPlace, readClient } from '../config.ts';
import { isAppError } from '../domain/errors.ts';
import { FIRST_PRODUCTS } from '../domain/product.ts';
import { newOperation } from '../http/operator-request.ts';
import { refusalSentence } from '../http/sale-refusals.ts';
import { type Api, ApiError, openApi, operatorHere } from './api.ts';
import type { OpenShelf, Shelf } from './engines.ts';
import { readFlags, UsageError } from './flags.ts';
import { readSeedFile, type SeedProduct, toNewProduct } from './seed-file.ts';

const FLAGS = {
  file: { kind: 'text', what: 'a JSON file' },
  url: { kind: 'text', what: 'the address of a server' },
  data: { kind: 'text', what: 'a folder' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart seed: puts products on sale, those that are not there yet

  --file F     a JSON array of {productId, name, priceMinor, currency, units}, and if wished opensAt, closesAt,
               perCustomerLimit, customerRequired, holdSeconds (the five products of a first start)
  --url U      a running server (the one here, if one answers on 127.0.0.1 at PORT, 8080)
  --data DIR   or, without a server: the data of the embedded engines (PULSECART_DATA, ./data). Without it, and with
               DATABASE_URL set, it is that database
  --json       one JSON object {place, added, left}

A product whose id exists is left as it is. Every item is checked before the first is added.
Example: pulsecart seed --data ./data`;

/** What the log of operators says. */
const REASON = 'pulsecart seed';

export async function seed(argv: readonly string[], openShelf: OpenShelf): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    console.log(HELP);
    return 0;
  }
  const products =
    flags.file === undefined ? firstProducts() : readSeedFile(readText(flags.file), flags.file);
  const api = await serverToAsk(flags);
  const result = api
    ? await throughServer(api, products)
    : await withoutServer(flags.data, products, openShelf);
  if (flags.json) console.log(JSON.stringify(result));
  else console.log(describe(result));
  return 0;
}

interface Seeded {
  readonly place: string;
  readonly added: number[];
  /** Were there already. */
  readonly left: number[];
}

/** A server that runs has the last word on its books; without one they are written here. */
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
    await api.get<{ status: string }>(
      '/actuator/health/liveness',
      ({ status }) => typeof status === 'string',
    );
    return api;
  } catch (error) {
    if (isAppError(error, 'unavailable') && !(error instanceof ApiError)) return null;
    throw error;
  }
}

async function throughServer(api: Api, products: readonly SeedProduct[]): Promise<Seeded> {
  const added: number[] = [];
  const left: number[] = [];
  for (const product of products) ((await post(api, product)) ? added : left).push(product.productId);
  return { place: `at ${api.url}`, added, left };
}

/** False for one that is there already, whatever else its item says. */
async function post(api: Api, product: SeedProduct): Promise<boolean> {
  try {
    await api.get<SeedProduct>(
      `/api/v1/products/${product.productId}`,
      ({ productId }) => productId === product.productId,
    );
    return false;
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
  try {
    await api.send<SeedProduct>(
      'POST',
      '/api/v1/products',
      { ...product, reason: REASON },
      ({ productId }) => productId === product.productId,
    );
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.refusal === 'product_exists') return false;
    throw error;
  }
}

async function withoutServer(
  data: string | undefined,
  products: readonly SeedProduct[],
  openShelf: OpenShelf,
): Promise<Seeded> {
  const shelf = await openShelf(readBooksPlace(process.env, data));
  try {
    const added: number[] = [];
    const left: number[] = [];
    for (const product of products) ((await put(shelf, product)) ? added : left).push(product.productId);
    return { place: shelf.place, added, left };
  } finally {
    await shelf.close();
  }
}

async function put(shelf: Shelf, product: SeedProduct): Promise<boolean> {
  if (await shelf.product(product.productId)) return false;
  const subject = `product/${product.productId}`;
  const operation = newOperation(operatorHere() ?? 'operator', 'product.create', subject, REASON);
  const step = await shelf.createProduct(toNewProduct(product), operation);
  if (step.kind === 'done') return true;
  if (step.code === 'product_exists') return false;
  throw new UsageError(`Product ${product.productId}: ${refusalSentence(step, Date.now())}`);
}

function firstProducts(): SeedProduct[] {
  return FIRST_PRODUCTS.map(({ id, name, priceMinor, currency, units }) => ({
    productId: id,
    name,
    priceMinor,
    currency,
    units,
  }));
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--file cannot be read: ${(error as Error).message}`);
  }
}

function describe({ place, added, left }: Seeded): string {
  const lines = [
    `  ${added.length} products added ${place}${added.length > 0 ? `: ${added.join(', ')}` : ''}`,
  ];
  if (left.length > 0)
    lines.push(`  ${left.length} were there already and are left as they are: ${left.join(', ')}`);
  return lines.join('\n');
}
