import { failed, failure } from '../http/respond.ts';
import { metricsAnswer } from '../http/routes/metrics.ts';
import { spring } from '../http/routes/spring.ts';
import type { HttpServer } from '../http/server.ts';
import { pathOf, queryOf } from '../http/target.ts';
import { listenAt, NO_PROXY } from '../lib/address.ts';
import type { Family } from '../telemetry/families.ts';
import type { Log } from '../telemetry/log.ts';
import type { Instance } from './instance.ts';

export interface ManagementOptions {
  readonly host: string;
  readonly port: number;
  /** The metrics of all instances. */
  readonly scrape: () => Promise<readonly Family[]>;
  /** Those that may be asked. */
  readonly instances: () => readonly Instance[];
  readonly log: Log;
}

/** Longer than any check of theirs. */
const INSTANCE_TIMEOUT_MS = 3_000;
const FORWARDED = ['accept', 'authorization', 'host', 'x-forwarded-proto', 'x-request-id'] as const;
/** Of the connection to the instance, not of the answer. */
const NOT_HANDED_ON = ['connection', 'content-encoding', 'content-length', 'keep-alive', 'transfer-encoding'];

/**
 * The supervisor's own port: metrics of all instances, and for the rest of `/actuator` the answer of whichever instance says first
 * that it is well. So it is ready while one of them is.
 */
export function serveManagement({
  host,
  port,
  scrape,
  instances,
  log,
}: ManagementOptions): Pick<HttpServer, 'url' | 'stop'> {
  async function answer(req: Request): Promise<Response> {
    const path = pathOf(req);
    if (!/^\/actuator(\/|$)/.test(path))
      return failure(req, 'not_found', 'Health and metrics are under /actuator');
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      const headers = { Allow: 'GET, HEAD, OPTIONS' };
      if (req.method === 'OPTIONS') return new Response(null, { status: 204, headers });
      return failure(req, 'method_not_allowed', `${req.method} is not allowed here`, { headers });
    }
    if (path === '/actuator/prometheus') return metricsAnswer(req, await scrape());
    // Restarting the supervisor would help no instance.
    if (path === '/actuator/health/liveness') return spring(req, { status: 'UP' });
    return (await forward(req)) ?? failure(req, 'unavailable', 'No process answers now');
  }

  async function forward(req: Request): Promise<Response | null> {
    let refusal: Response | null = null;
    const asks = instances().map(async ({ ready }) => {
      const { managementUrl } = await ready;
      const answer = await ask(req, managementUrl!);
      if (answer.status < 500) return answer;
      refusal = answer;
      throw new Error(`answered ${answer.status}`);
    });
    return Promise.any(asks).catch(() => refusal);
  }

  return listenAt(host, port, () =>
    Bun.serve({ hostname: host, port, fetch: answer, error: (error) => failed(null, error, log) }),
  );
}

async function ask(req: Request, base: URL): Promise<Response> {
  const query = queryOf(req).toString();
  const given = FORWARDED.map((name) => [name, req.headers.get(name)] as const);
  const target = new URL(base);
  // Set, not resolved: what looks like another host's address stays a path.
  target.pathname = pathOf(req);
  target.search = query;
  const response = await fetch(target, {
    ...NO_PROXY,
    headers: given.filter((one): one is [(typeof FORWARDED)[number], string] => one[1] !== null),
    signal: AbortSignal.timeout(INSTANCE_TIMEOUT_MS),
  });
  const headers = new Headers(response.headers);
  for (const name of NOT_HANDED_ON) headers.delete(name);
  return new Response(await response.arrayBuffer(), { status: response.status, headers });
}
