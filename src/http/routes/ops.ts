import Type from 'typebox';
import { AUDIT_TIMEOUT_MS } from '../../app/ops/audit-run.ts';
import { AUDIT_ACTIONS } from '../../domain/audit-entry.ts';
import { ROLES } from '../../domain/operator.ts';
import { operatorRoutes } from '../operator-routes.ts';
import { isoTime, json, problem } from '../respond.ts';
import { jsonAnswer, type Route } from '../route.ts';
import { Count, closed, count, list, nullable, Reason, shape, Timestamp, Uuid } from '../schemas.ts';
import type { Service } from '../service.ts';
import { LIMIT, NOT_STORED, readLimit, wrong } from './inputs.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const MeAnswer = shape('Me', '', {
  name: Type.String({ description: "As the log of operations has it: the token's name, or `X-Operator`" }),
  role: Type.Enum([...ROLES]),
  named: Type.Boolean({ description: 'The name is the token’s, and `X-Operator` need not be sent' }),
});

const OperationsAnswer = shape('Operations', 'Newest first', {
  operations: list({
    id: Uuid,
    at: Timestamp,
    actor: Type.String({
      description: 'Who acted, by the name of the token or as they said; `system`: the service by itself',
    }),
    action: Type.Enum([...AUDIT_ACTIONS]),
    subject: Type.String(),
    reason: nullable(Type.String()),
    details: Type.Object({}, { additionalProperties: true }),
  }),
  next: Type.Union([Uuid, Type.Null()], {
    description: 'The `before` of the next page; null on the last one',
  }),
});

const DoctorAnswer = shape('Doctor', 'Of the process that answers', {
  version: Type.String(),
  serverTime: Timestamp,
  findings: list({
    name: Type.String(),
    state: Type.Enum(['ok', 'note', 'broken'], {
      description: '`note`: it works, and an operator should know. `broken`: a server needs it',
    }),
    detail: Type.String(),
    limit: Type.Optional(count('The most that it allows, where that is a number')),
  }),
});

const AuditBody = closed('AuditRequest', '', { reason: Reason });

const AuditAnswer = shape('Audit', '', {
  pass: Type.Boolean({ description: 'Every verdict did' }),
  verdicts: list({ name: Type.String(), pass: Type.Boolean(), detail: Type.String() }),
  tookMs: Count,
});

/** What operators did, and whether the books balance. */
export function createOpsRoutes(service: Service): Route[] {
  const { ledger, auditRun, clock, version } = service;
  const { reading, acting } = operatorRoutes('operations', 'explained', service);

  async function log(req: Request, query: URLSearchParams): Promise<Response> {
    const limit = readLimit(req, query);
    if (limit instanceof Response) return limit;
    const before = query.get('before')?.toLowerCase() ?? null;
    if (before !== null && !UUID.test(before))
      return wrong(req, 'before', 'before must be the id of an entry');
    const operations = await ledger.auditLog(limit, before);
    const next = operations.length === limit ? operations.at(-1)!.id : null;
    const shown = operations.map((entry) => ({ ...entry, at: isoTime(entry.at) }));
    return json({ operations: shown, next }, 200, NOT_STORED);
  }

  return [
    reading('GET /api/v1/ops/me', {
      id: 'me',
      summary: 'Get own name and role',
      description: 'Who the token makes of its bearer, and what that may do.',
      answers: {
        200: jsonAnswer('The operator', MeAnswer, {
          grace: { name: 'grace', role: 'operator', named: true },
        }),
      },
      handle: (_req, _query, _server, { actor, role, isNamed }) =>
        json({ name: actor, role, named: isNamed }, 200, NOT_STORED),
    }),
    reading('GET /api/v1/ops/log', {
      id: 'operations',
      summary: 'Read operator log',
      description: 'What operators did, and why; the newest first.',
      query: {
        limit: LIMIT,
        before: {
          schema: { type: 'string', format: 'uuid' },
          description: 'The last entry of the page before',
        },
      },
      answers: { 200: jsonAnswer('A page of the log', OperationsAnswer, { page: OPERATIONS }) },
      handle: log,
    }),
    reading('GET /api/v1/ops/doctor', {
      id: 'doctor',
      summary: 'Run doctor',
      description:
        'Settings, limits, host and backends of this server: what the command `pulsecart doctor` would find here, but for the address.',
      answers: { 200: jsonAnswer('The findings', DoctorAnswer, { well: DOCTOR }) },
      async handle() {
        // The time first: what follows calls each backend.
        const serverTime = isoTime(clock());
        return json({ version, serverTime, findings: await service.examine() }, 200, NOT_STORED);
      },
    }),
    acting('POST /api/v1/ops/audit', {
      role: 'operator',
      id: 'audit',
      summary: 'Run audit',
      description:
        'Proves that the books balance, in a process of its own, beside the servers, from one moment of the ledger; the answer comes when it is done. One at a ' +
        'time, and two minutes at most: the command `pulsecart audit` has no limit.',
      body: { schema: AuditBody, example: { reason: 'after the sale' } },
      answers: {
        200: jsonAnswer('The verdicts', AuditAnswer, { balanced: AUDIT }),
        409: '`in_flight`: another one is running',
        503: '`unavailable`: the books could not be read, or not in time',
      },
      async handle(asked, req, server) {
        server.timeout(req, AUDIT_TIMEOUT_MS / 1000 + 10);
        const report = await auditRun.run(asked.entry('audit.run', 'books'));
        if (!report) return problem(req, 'in_flight', 'An audit is running already');
        return json(report, 200, NOT_STORED);
      },
    }),
  ];
}

const OPERATIONS = {
  operations: [
    {
      id: '01a20411-52b8-7000-8e67-3bc2a8d4a120',
      at: '2026-11-22T16:22:53.752Z',
      actor: 'grace',
      action: 'dead-letters.replay',
      subject: 'queue/purchases',
      reason: 'the release of 14:20 decides them',
      details: { cause: 'CHECK constraint failed: quantity >= <n>', letters: 1, items: 1 },
    },
  ],
  next: null,
};

const DOCTOR = {
  version: '0.1.0',
  serverTime: '2026-11-22T16:22:53.752Z',
  findings: [
    {
      name: 'live streams',
      state: 'ok',
      detail: '20000 at once in this process, 1000 from one address',
      limit: 1000,
    },
    { name: 'Bun', state: 'ok', detail: '1.4.5 on linux x64' },
    { name: 'disk space', state: 'ok', detail: '51,200 MiB free' },
    {
      name: 'open files',
      state: 'note',
      detail: '1024 at most; for a crowd raise it to 16384 (ulimit -n)',
      limit: 1024,
    },
    { name: 'SQLite', state: 'ok', detail: '3.53.0, in this process' },
  ],
};

const AUDIT = {
  pass: true,
  verdicts: [
    { name: 'no oversell of product 1', pass: true, detail: '1000 = 998 sold + 2 reserved + 0 available' },
    { name: 'counters equal the orders behind them', pass: true, detail: '5 products' },
  ],
  tookMs: 214,
};
