import type { Load } from '../closed-loop.ts';
import { Connection, type Target } from '../connection.ts';
import { targetOf } from '../requests.ts';

/** Headers whose values rightly differ from answer to answer. */
const VARYING = /^(date|location|etag):/i;

/**
 * How the no-op's answer to a workload's request differs from the real one in status, headers and length. A baseline with
 * shorter answers than the server would make the server look slow, and the other way round.
 */
export async function differences(noopUrl: string, realUrl: string, load: (target: Target) => Load) {
  const [noop, real] = await Promise.all([answerOf(noopUrl, load), answerOf(realUrl, load)]);
  const found: string[] = [];
  for (const line of real.filter((one) => !noop.includes(one))) found.push(`only ours: ${line}`);
  for (const line of noop.filter((one) => !real.includes(one))) found.push(`only noop: ${line}`);
  return found;
}

/** The bytes of a workload's request and of its answer, heads included, below TLS and TCP. */
export async function exchangedBytes(url: string, load: (target: Target) => Load) {
  const { requestBytes, headLines, body } = await exchange(url, load);
  const headBytes = headLines.reduce((sum, line) => sum + line.length + 2, 2);
  return { request: requestBytes, answer: headBytes + Buffer.byteLength(body) };
}

/** Status line and header lines, the body's length among them. */
async function answerOf(url: string, load: (target: Target) => Load): Promise<string[]> {
  const { headLines } = await exchange(url, load);
  return headLines.map((line) => (VARYING.test(line) ? line.slice(0, line.indexOf(':')) : line)).toSorted();
}

interface Exchange {
  readonly requestBytes: number;
  readonly headLines: string[];
  readonly body: string;
}

async function exchange(url: string, load: (target: Target) => Load): Promise<Exchange> {
  const target = targetOf(url);
  const request = load(target).request(0);
  const answer = Promise.withResolvers<Exchange>();
  const connection = await Connection.connect(target, {
    answered: ({ response }) =>
      answer.resolve({
        requestBytes: request.length,
        headLines: response.headLines(),
        body: response.text(),
      }),
    cut: (_, reason) => answer.reject(new Error(`${url} did not answer: ${reason}`)),
  });
  connection.send(request, 0, performance.now());
  const exchanged = await answer.promise;
  connection.end('closed');
  return exchanged;
}
