import { expect, test } from 'bun:test';
import { NO_BUYERS } from '../../src/http/buyers/buyers.ts';
import { startServer } from '../../src/http/server.ts';
import type { Service } from '../../src/http/service.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { connectRaw } from '../support/raw-http.ts';
import { until } from '../support/until.ts';

/** Requests that take as long as they are let, to keep their connections: a byte now and then (slowloris). */

const IDLE_TIMEOUT_S = 4;
/** Bun's own time for a first head is 10 s, and it looks at its clock every 4. */
const CUT_WITHIN_MS = 40_000;
const BYTE_EVERY_MS = 500;

const head = 'POST /api/v1/sync/purchase HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
const answered = 'GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n';

test('a head or a body that trickles in is cut, however steadily, and nothing of it is carried out', async () => {
  // No request here becomes whole, so no more of the service is used.
  const service = { metrics: createMetrics(), buyers: NO_BUYERS } as Service;
  const at = { host: '127.0.0.1', port: 0, logRequests: false, sharesPort: false, managementPort: null };
  const server = startServer(service, { ...at, idleTimeoutS: IDLE_TIMEOUT_S });
  try {
    const began = performance.now();
    const cut = await Promise.all([
      trickle('', ''),
      trickle('GET / HTTP/1.1\r\nX-A: ', 'a'),
      trickle(`${answered}GET / HTTP/1.1\r\nX-A: `, 'a'),
      trickle(`${head}Content-Length: 500\r\n\r\n{`, ' '),
      trickle(`${head}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'),
      trickle('POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n', ' '),
    ]);
    expect(performance.now() - began).toBeLessThan(CUT_WITHIN_MS);
    const asked = [null, null, 404, null, null, 404];
    expect(cut.map((text) => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0) || null)).toEqual(asked);
  } finally {
    await server.stop(true);
  }

  /** What the server has said when it closes the connection. */
  async function trickle(first: string, piece: string): Promise<string> {
    using connection = await connectRaw(server.url.origin);
    connection.send(first);
    const timer = setInterval(() => connection.send(piece), BYTE_EVERY_MS);
    try {
      await until(() => connection.isClosed(), CUT_WITHIN_MS);
      return connection.text();
    } finally {
      clearInterval(timer);
    }
  }
});
