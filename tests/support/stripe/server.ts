import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Company } from './company.ts';
import type { Fault, Faults } from './faults.ts';
import { type Form, parseForm } from './form.ts';
import type { Answer, createIdempotency } from './idempotency.ts';
import { expanded } from './lists.ts';
import { newId } from './objects.ts';
import { invalidRequest, StripeRefusal, serverError } from './refusals.ts';
import type { Handler } from './routes.ts';
import type { Webhooks } from './webhooks.ts';

export interface ServerParts {
  readonly secretKey: string;
  readonly apiVersion: string;
  readonly company: Company;
  readonly routes: Readonly<Record<string, Handler>>;
  readonly idempotency: ReturnType<typeof createIdempotency>;
  readonly faults: Faults;
  readonly webhooks: Webhooks;
  /** Called with the route of each request. */
  readonly onCall: (route: string) => void;
}

const SLOW_MS_DEFAULT = 10_000;
const BODY_BYTES_MAX = 1_000_000;

/** The HTTP side. It is node:http, because Bun.serve cannot cut one connection without an answer. */
export function createApi(parts: ServerParts) {
  const { secretKey, apiVersion, company, idempotency, faults, webhooks } = parts;
  const waits = new Map<ReturnType<typeof setTimeout>, () => void>();
  let server: Server | null = null;
  let port = 0;

  function wait(ms = SLOW_MS_DEFAULT): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        waits.delete(timer);
        resolve();
      }, ms);
      waits.set(timer, resolve);
    });
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await read(req);
    const url = new URL(req.url ?? '/', 'http://stripe');
    const requestId = newId('req');
    const key = header(req, 'idempotency-key');
    const headers = {
      'Request-Id': requestId,
      'Stripe-Version': apiVersion,
      ...(key !== undefined && { 'Idempotency-Key': key }),
    };
    company.passTime();
    const found = match(parts.routes, req.method ?? '', url.pathname);
    const fault = found ? faults.draw(found.route) : null;
    if (found) parts.onCall(found.route);
    if (fault?.kind === 'cut_before') return void req.socket.destroy();
    const answer = await answerTo();
    if (fault?.kind === 'slow_answer') await wait(fault.ms);
    if (fault?.kind === 'cut_after') req.socket.destroy();
    else {
      res.writeHead(answer.status, { 'Content-Type': 'application/json', ...headers, ...answer.headers });
      await new Promise<void>((resolve) => res.end(answer.body, resolve));
    }
    webhooks.sendAll();

    async function answerTo(): Promise<Answer> {
      try {
        checkKey(header(req, 'authorization'), secretKey);
        checkVersion(header(req, 'stripe-version'), apiVersion);
        if (!found) throw unknownUrl(req.method ?? '', url.pathname);
        limited(fault);
        const isKeyed = key !== undefined && req.method === 'POST';
        const kept = isKeyed ? idempotency.begin(key, `${req.method} ${url.pathname} ${body}`) : null;
        if (kept) return { ...kept, headers: { ...kept.headers } };
        if (fault?.kind === 'slow') await wait(fault.ms);
        const { answer, isExecuted } = execute(
          found,
          parseForm(req.method === 'POST' ? body : url.search.slice(1)),
        );
        if (isKeyed) idempotency.end(key, isExecuted ? answer : null);
        await webhooks.sendEarly();
        return answer;
      } catch (error) {
        return refusal(error).answer;
      }
    }

    function execute({ handler, id }: Found, form: Form): { answer: Answer; isExecuted: boolean } {
      company.request = { id: requestId, idempotency_key: key ?? null };
      try {
        if (fault?.kind === 'error_before') throw serverError();
        const object = expanded(company, handler(form, id), form.expand);
        if (fault?.kind === 'error_after') throw serverError();
        const original = { 'Original-Request': requestId };
        return {
          answer: { status: 200, body: JSON.stringify(object, null, 2), headers: original },
          isExecuted: true,
        };
      } catch (error) {
        return refusal(error);
      } finally {
        company.request = null;
      }
    }
  }

  return {
    get port() {
      return port;
    },

    /** Listens, on the port of before where there was one. */
    async open(): Promise<void> {
      const opened = createServer((req, res) => void handle(req, res).catch(() => req.socket.destroy()));
      await new Promise<void>((resolve, reject) => {
        opened.once('error', reject);
        opened.listen(port, '127.0.0.1', resolve);
      });
      port = (opened.address() as AddressInfo).port;
      server = opened;
    },

    /** Cuts every connection and refuses new ones. */
    async close(): Promise<void> {
      const closing = server;
      server = null;
      for (const [timer, resolve] of waits) {
        clearTimeout(timer);
        resolve();
      }
      waits.clear();
      closing?.closeAllConnections();
      await new Promise<void>((resolve) => (closing ? closing.close(() => resolve()) : resolve()));
    },
  };
}

interface Found {
  readonly route: string;
  readonly handler: Handler;
  readonly id: string;
}

function match(routes: Readonly<Record<string, Handler>>, method: string, path: string): Found | null {
  const exact = `${method} ${path}`;
  if (Object.hasOwn(routes, exact)) return { route: exact, handler: routes[exact]!, id: '' };
  const [, root, id = '', rest = ''] = /^(\/v1\/\w+)\/(\w+)(\/\w+)?$/.exec(path) ?? [];
  const route = `${method} ${root}/:id${rest}`;
  return Object.hasOwn(routes, route) ? { route, handler: routes[route]!, id } : null;
}

function checkKey(authorization: string | undefined, secretKey: string): void {
  const given = authorization?.replace(/^Bearer /, '');
  if (!given) throw unauthorized('You did not provide an API key.');
  if (given !== secretKey) throw unauthorized(`Invalid API Key provided: ${given.slice(0, 8)}***`);
}

/** It knows one version. A client that asks for another would be tested against answers that it never gets. */
function checkVersion(version: string | undefined, known: string): void {
  if (version !== undefined && version !== known)
    throw invalidRequest(`Invalid Stripe API version: ${version}; the stand-in answers as of ${known}.`);
}

function unauthorized(message: string) {
  return new StripeRefusal(401, { type: 'invalid_request_error', message }, false);
}

function unknownUrl(method: string, path: string) {
  const message = `Unrecognized request URL (${method}: ${path}).`;
  return new StripeRefusal(404, { type: 'invalid_request_error', message }, false);
}

function limited(fault: Fault | null): void {
  if (fault?.kind !== 'rate_limit' && fault?.kind !== 'lock_timeout') return;
  const isLock = fault.kind === 'lock_timeout';
  const message = isLock
    ? 'This object cannot be accessed right now because another API request or Stripe process is currently accessing it.'
    : 'Request rate limit exceeded.';
  const retryAfter = fault.retryAfterSeconds;
  throw new StripeRefusal(429, { type: 'invalid_request_error', code: fault.kind, message }, false, {
    'Stripe-Should-Retry': String(isLock),
    ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }),
  });
}

function refusal(error: unknown): { answer: Answer; isExecuted: boolean } {
  const { status, error: body, headers, isExecuted } = error instanceof StripeRefusal ? error : serverError();
  if (!(error instanceof StripeRefusal)) console.error(error);
  return { answer: { status, body: JSON.stringify({ error: body }, null, 2), headers }, isExecuted };
}

function header(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

async function read(req: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of req as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX) throw invalidRequest('The request is too large.');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
