import { targetOf } from '../../../bench/requests.ts';
import { durationMs } from './executors.ts';
import type { Exchange } from './http-client.ts';
import type { BuiltInMetrics } from './metrics.ts';
import { vuOf } from './vu.ts';

interface Params {
  readonly headers?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
  readonly timeout?: string | number;
}

/** k6's own. */
const TIMEOUT_MS = 60_000;
const EXPECTED_BY_DEFAULT = [{ min: 200, max: 399 }];

type Expected = readonly (number | { readonly min: number; readonly max: number })[];

/** `k6/http`, of which only the asynchronous request is there. */
export function createHttp(built: BuiltInMetrics) {
  let expected: Expected = EXPECTED_BY_DEFAULT;
  const warned = new Set<string>();
  return {
    expectedStatuses: (...statuses: Expected) => statuses,
    setResponseCallback(statuses: Expected) {
      expected = statuses;
    },
    async asyncRequest(method: string, url: string, body: string | null = null, params: Params = {}) {
      const vu = vuOf('http.asyncRequest()');
      const { activity } = vu;
      const address = new URL(url);
      if (address.protocol !== 'http:') throw new Error(`the stand-in for k6 speaks http only, not ${url}`);
      const exchange = await vu.client.send(
        targetOf(address.origin),
        requestBytes(method, address, body, params.headers ?? {}),
        params.timeout === undefined ? TIMEOUT_MS : durationMs(params.timeout),
      );
      // Whoever was interrupted waits for ever: nothing of that iteration happens any more.
      if (vu.interrupted) await new Promise(() => {});
      const isExpected = expected.some((wanted) =>
        typeof wanted === 'number'
          ? wanted === exchange.status
          : wanted.min <= exchange.status && exchange.status <= wanted.max,
      );
      measure(built, exchange, isExpected, {
        ...activity.tags,
        method,
        status: String(exchange.status),
        url,
        name: url,
        expected_response: String(isExpected),
        ...params.tags,
      });
      if (exchange.error !== '' && !warned.has(exchange.error)) {
        warned.add(exchange.error);
        console.warn(`WARN Request Failed, ${method} ${url}: ${exchange.error} (shown once)`);
      }
      return responseOf(url, exchange);
    },
    get: () => cannotBlock('http.get'),
    post: () => cannotBlock('http.post'),
    put: () => cannotBlock('http.put'),
    request: () => cannotBlock('http.request'),
    batch: () => cannotBlock('http.batch'),
  };
}

export function cannotBlock(name: string): never {
  throw new Error(
    `the stand-in for k6 cannot block: instead of ${name}() use http.asyncRequest and k6/timers`,
  );
}

function measure(
  built: BuiltInMetrics,
  exchange: Exchange,
  isExpected: boolean,
  tags: Record<string, string>,
): void {
  built.httpReqs.add(1, tags);
  built.httpReqFailed.add(isExpected ? 0 : 1, tags);
  built.httpReqDuration.add(exchange.durationMs, tags);
  built.httpReqBlocked.add(exchange.connectingMs, tags);
  built.httpReqConnecting.add(exchange.connectingMs, tags);
  built.httpReqTlsHandshaking.add(0, tags);
  built.httpReqSending.add(0, tags);
  // The client is told of an answer once it is whole, so receiving it is part of waiting.
  built.httpReqWaiting.add(exchange.durationMs, tags);
  built.httpReqReceiving.add(0, tags);
  built.dataSent.add(exchange.sentBytes, tags);
  built.dataReceived.add(exchange.receivedBytes, tags);
}

function requestBytes(
  method: string,
  { host, pathname, search }: URL,
  body: string | null,
  headers: Readonly<Record<string, string>>,
): Uint8Array {
  const lines = [
    `${method} ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    'User-Agent: stand-in for k6',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === null && method === 'GET' ? [] : [`Content-Length: ${Buffer.byteLength(body ?? '')}`]),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
}

function responseOf(
  url: string,
  { status, headLines, body, error, errorCode, connectingMs, durationMs }: Exchange,
) {
  return {
    status,
    url,
    body,
    error,
    error_code: errorCode,
    get headers(): Record<string, string> {
      return Object.fromEntries(
        headLines.slice(1).map((line) => {
          const colon = line.indexOf(':');
          return [canonical(line.slice(0, colon)), line.slice(colon + 1).trim()];
        }),
      );
    },
    timings: {
      blocked: connectingMs,
      connecting: connectingMs,
      tls_handshaking: 0,
      sending: 0,
      waiting: durationMs,
      receiving: 0,
      duration: durationMs,
    },
    json(): unknown {
      if (body === null) throw new Error('the body is null so we cannot transform it to JSON');
      return JSON.parse(body);
    },
  };
}

/** `Retry-After`, as Go writes header names. */
function canonical(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
