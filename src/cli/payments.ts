import { type Difference, reconcile } from '../app/payments/reconcile.ts';
import { readStoreConfig } from '../config.ts';
import { AppError } from '../domain/errors.ts';
import { readTime } from '../http/read-time.ts';
import type { ProviderPayment } from '../ports/provider.ts';
import { openBuyerPayments, toolsOf } from '../tools.ts';
import { readFlags, UsageError } from './flags.ts';
import { printHelp } from './help.ts';
import { coloured, print } from './terminal.ts';

const FLAGS = {
  from: { kind: 'text', what: 'a time' },
  to: { kind: 'text', what: 'a time' },
  data: { kind: 'text', what: 'a folder' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart payments reconcile: compares the ledger with Stripe's list

  --from T     payments that were begun at this time or later (24 hours ago)
  --to T       and before this one (5 minutes ago); times like 2026-11-29T09:00:00Z
  --data DIR   folder of the data of the embedded backends (PULSECART_DATA, ./data). Without it, and with
               DATABASE_URL set, that database is read
  --json       one JSON object {pass, from, to, here, there, differences: [{kind, orderId, attempt, providerId, detail}]}

Beside running servers or without. It changes nothing, and needs the settings of Stripe. A payment that is
under way may differ for a moment. Exit status 1 when something differs.
Example: pulsecart payments reconcile --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z`;

const DAY_MS = 24 * 3_600_000;
/** What is under way settles within minutes. */
const SETTLING_MS = 5 * 60_000;
/** A payment is made at the company when its buyer comes, and clocks differ. */
const MARGIN_MS = 3_600_000;
/** Some gigabytes of memory. */
const PAYMENTS_MAX = 5_000_000;

export async function paymentsCommand(argv: readonly string[]): Promise<number> {
  const [action, ...rest] = argv;
  const flags = readFlags(action === 'reconcile' ? rest : argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  if (action !== 'reconcile') throw new UsageError('payments takes reconcile first');
  const now = Date.now();
  const span = {
    fromMs: timeOf('from', flags.from) ?? now - DAY_MS,
    toMs: timeOf('to', flags.to) ?? now - SETTLING_MS,
  };
  if (span.fromMs >= span.toMs) throw new UsageError('--from must be before --to');
  const config = readStoreConfig(process.env, flags.data);
  const buyerPays = await openBuyerPayments(config);
  if (buyerPays === null) {
    throw new AppError(
      'invalid_request',
      'There is no payment company to compare with: set PULSECART_PAYMENT_PROVIDER=stripe.',
    );
  }
  const [fromMs, toMs] = [span.fromMs - MARGIN_MS, span.toMs + MARGIN_MS];
  const there: ProviderPayment[] = [];
  for await (const payment of buyerPays.payments(fromMs, toMs)) {
    there.push(payment);
    if (there.length > PAYMENTS_MAX)
      throw new UsageError('There are too many payments: choose a shorter span');
  }
  const books = await (await toolsOf(config.urls ?? { dataFolder: config.dataFolder })).books();
  const here = await books.payments(fromMs, toMs);
  await books.close();
  const differences = reconcile(here, there, span);
  report(span, here.length, there.length, differences, flags.json);
  return differences.length === 0 ? 0 : 1;
}

function report(
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  here: number,
  there: number,
  differences: readonly Difference[],
  asJson: boolean,
): void {
  const pass = differences.length === 0;
  const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
  if (asJson) {
    console.log(JSON.stringify({ pass, from, to, here, there, differences }));
    return;
  }
  for (const { kind, orderId, attempt, providerId, detail } of differences) {
    print(
      `  ${coloured('DIFFERS', 'red')}  ${kind}: order ${orderId}, attempt ${attempt}, ${providerId ?? 'no id'}: ${detail}`,
    );
  }
  const found = pass ? coloured('PASS', 'green') : coloured('FAIL', 'red');
  print(
    `  ${found}  differences: ${differences.length}, between ${from} and ${to} (read: ${here} here, ${there} at Stripe)`,
  );
}

function timeOf(name: string, given: string | undefined): number | null {
  if (given === undefined) return null;
  const ms = readTime(given);
  if (ms === undefined) throw new UsageError(`--${name} takes a time like 2026-11-29T09:00:00Z`);
  return ms;
}
