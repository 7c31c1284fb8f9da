import { AUDIT_TIMEOUT_MS } from '../app/ops/audit-run.ts';
import type { Choice, DeadLetterGroup, ShownLetter } from '../app/ops/dead-letters.ts';
import { RATES, type Rate, TIMES, type Time } from '../domain/process-stats.ts';
import { available, type Product } from '../domain/product.ts';
import { QUEUE_NAMES, type QueueName } from '../ports/queue.ts';
import { createFigure } from '../telemetry/figure.ts';
import type { AgedStats } from '../telemetry/live-stats.ts';
import { readOperator, readOperatorRequest } from './operator-request.ts';
import { purchasesIn } from './queue-figures.ts';
import { failedProblem, isoTime, json, problem } from './respond.ts';
import { checkAuditBody, checkDeadLettersBody } from './schemas/ops.ts';
import type { Service } from './service.ts';
import { queryOf } from './target.ts';

type Server = Bun.Server<unknown>;

const NOT_STORED = { 'Cache-Control': 'no-store' };
const PAGE = 100;
const PAGE_MAX = 1_000;
const CAUSE_CHARS_MAX = 1_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What operators see of the service, and what they do about dead letters. */
export function createOpsRoutes(service: Service) {
  const { deadLetters, auditRun, liveStats, ledger, queue } = service;
  const queueFigure = createFigure(() => queue.status());
  const countsFigure = createFigure(() => ledger.asyncCounts());
  const refundsFigure = createFigure(() => ledger.refundsDue());
  const productsFigure = createFigure(() => ledger.productsAfter(0, UNITS_MAX));

  /** For operators only; the answer is nobody else's. */
  function reading(answer: (req: Request, query: URLSearchParams) => Response | Promise<Response>) {
    return (req: Request, server: Server) => {
      const actor = readOperator(req, server, service);
      if (actor instanceof Response) return actor;
      return tellingWhy(req, () => answer(req, queryOf(req)));
    };
  }

  /** An operator hears what is wrong with which engine; a buyer never does. */
  function tellingWhy(req: Request, answer: () => Response | Promise<Response>): Promise<Response> {
    return Promise.try(answer).catch((error) => failedProblem(req, error, service.log, true));
  }

  async function groups(): Promise<Response> {
    const { groups, truncated } = await deadLetters.groups();
    return json({ groups: groups.map(shownGroup), truncated }, 200, NOT_STORED);
  }

  async function letters(req: Request, query: URLSearchParams): Promise<Response> {
    const name = queueIn(query);
    const limit = limitIn(query);
    const cause = query.get('cause');
    if (name === null) return wrong(req, 'queue', `queue must be one of ${QUEUE_NAMES.join(', ')}`);
    if (limit === null) return wrongLimit(req);
    if (cause !== null && (cause === '' || cause.length > CAUSE_CHARS_MAX)) {
      return wrong(req, 'cause', `cause must have 1 to ${CAUSE_CHARS_MAX} characters`);
    }
    const found = await deadLetters.letters({ queue: name, cause, limit });
    return json({ letters: found.letters.map(shownLetter), truncated: found.truncated }, 200, NOT_STORED);
  }

  function acting(act: 'replay' | 'discard') {
    return async (req: Request, server: Server): Promise<Response> => {
      const asked = await readOperatorRequest(req, server, service, checkDeadLettersBody);
      if (asked instanceof Response) return asked;
      const { queue: name, cause, ids } = asked.body;
      if ((cause === undefined) === (ids === undefined)) {
        return wrong(req, 'cause', 'Either cause or ids must say which letters are meant');
      }
      // A broker hands thousands of letters out one after the other.
      server.timeout(req, ACTION_TIMEOUT_S);
      const choice: Choice = { queue: name, ...(cause !== undefined && { cause }), ...(ids && { ids }) };
      return tellingWhy(req, async () => {
        const done = await deadLetters[act](choice, asked.operation);
        return json({ queue: name, ...done }, 200, NOT_STORED);
      });
    };
  }

  async function log(req: Request, query: URLSearchParams): Promise<Response> {
    const limit = limitIn(query);
    const before = query.get('before')?.toLowerCase() ?? null;
    if (limit === null) return wrongLimit(req);
    if (before !== null && !UUID.test(before)) {
      return wrong(req, 'before', 'before must be the id of an operation');
    }
    const operations = await ledger.operations(limit, before);
    const next = operations.length === limit ? operations.at(-1)!.id : null;
    const shown = operations.map((operation) => ({ ...operation, at: isoTime(operation.at) }));
    return json({ operations: shown, next }, 200, NOT_STORED);
  }

  /** As with the live stats. */
  async function queues(): Promise<Response> {
    const [figures, counts, due] = await Promise.all([
      orNull(queueFigure()),
      orNull(countsFigure()),
      orNull(refundsFigure()),
    ]);
    const refundsDue = due && {
      count: due.count,
      oldestAt: due.oldestAt === null ? null : isoTime(due.oldestAt),
    };
    const purchases = figures && counts && purchasesIn(figures, counts);
    const needAttention = figures?.find(({ name }) => name === 'purchases')?.deadLetters.count ?? null;
    return json({ queues: figures, purchases, refundsDue, needAttention }, 200, NOT_STORED);
  }

  async function audit(req: Request, server: Server): Promise<Response> {
    const asked = await readOperatorRequest(req, server, service, checkAuditBody);
    if (asked instanceof Response) return asked;
    server.timeout(req, AUDIT_TIMEOUT_MS / 1000 + 10);
    return tellingWhy(req, async () => {
      const report = await auditRun.run(asked.operation('audit.run', 'books'));
      if (!report) return problem(req, 'in_flight', 'An audit is running already');
      return json(report, 200, NOT_STORED);
    });
  }

  /** Each figure fails alone: what happens matters most while an engine is away. */
  async function live(): Promise<Response> {
    const [figures, counts, products] = await Promise.all([
      orNull(queueFigure()),
      orNull(countsFigure()),
      orNull(productsFigure()),
    ]);
    const oldestAgeMs = (name: QueueName) => figures?.find((one) => one.name === name)?.oldestAgeMs ?? null;
    const instances = liveStats.now();
    return json(
      {
        total: totalOf(instances),
        instances: instances.map(({ stats, ageMs }) => ({ ...stats, ageMs })),
        backlog: {
          purchases: figures && counts && purchasesIn(figures, counts).waiting,
          oldestAgeMs: oldestAgeMs('purchases'),
          paymentsOldestAgeMs: oldestAgeMs('payments'),
        },
        units: products?.map(unitsOf) ?? null,
      },
      200,
      NOT_STORED,
    );
  }

  return {
    '/api/v1/ops/dead-letters': { GET: reading(groups) },
    '/api/v1/ops/dead-letters/letters': { GET: reading(letters) },
    '/api/v1/ops/dead-letters/replay': { POST: acting('replay') },
    '/api/v1/ops/dead-letters/discard': { POST: acting('discard') },
    '/api/v1/ops/log': { GET: reading(log) },
    '/api/v1/ops/queues': { GET: reading(queues) },
    '/api/v1/ops/audit': { POST: audit },
    '/api/v1/ops/rates': { GET: reading(live) },
  };
}

const ACTION_TIMEOUT_S = 120;
/** Products whose units are shown with the live stats. */
const UNITS_MAX = 100;

function orNull<T>(figure: Promise<T>): Promise<T | null> {
  return figure.catch(() => null);
}

function unitsOf(product: Product) {
  return {
    productId: product.id,
    total: product.total,
    available: available(product),
    reserved: product.reserved,
    sold: product.sold,
  };
}

function totalOf(instances: readonly AgedStats[]) {
  const all = instances.map(({ stats }) => stats);
  const slowest = (name: Time) => {
    const times = all.flatMap(({ times }) => times[name] ?? []);
    return times.length > 0 ? Math.max(...times) : null;
  };
  const sum = (name: Rate) => all.reduce((total, { perSecond }) => total + perSecond[name], 0);
  return {
    instances: all.length,
    perSecond: Object.fromEntries(RATES.map((name) => [name, Math.round(sum(name) * 1000) / 1000])),
    times: Object.fromEntries(TIMES.map((name) => [name, slowest(name)])),
    ageMs: Math.max(0, ...instances.map(({ ageMs }) => ageMs)),
  };
}

function shownGroup({ oldestAt, newestAt, ...group }: DeadLetterGroup) {
  return { ...group, oldestAt: isoTime(oldestAt), newestAt: isoTime(newestAt) };
}

function shownLetter({ deadAt, ...letter }: ShownLetter) {
  return { ...letter, deadAt: isoTime(deadAt) };
}

/** Null for one that is none. */
function queueIn(query: URLSearchParams): QueueName | null {
  const asked = query.get('queue') ?? 'purchases';
  return QUEUE_NAMES.find((name) => name === asked) ?? null;
}

/** The same. */
function limitIn(query: URLSearchParams): number | null {
  const text = query.get('limit') ?? `${PAGE}`;
  const limit = Number(text);
  return /^\d{1,4}$/.test(text) && limit >= 1 && limit <= PAGE_MAX ? limit : null;
}

function wrongLimit(req: Request): Response {
  return wrong(req, 'limit', `limit must be a whole number from 1 to ${PAGE_MAX}`);
}

function wrong(req: Request, field: string, message: string): Response {
  return problem(req, 'invalid_request', message, { field });
}
