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

/** Status line, header lines and body length of one answer. */
async function answerOf(url: string, load: (target: Target) => Load): Promise<string[]> {
  const target = targetOf(url);
  const answer = Promise.withResolvers<string[]>();
  const connection = await Connection.connect(target, {
    answered: ({ response }) => answer.resolve(response.headLines()),
    cut: (_, reason) => answer.reject(new Error(`${url} did not answer: ${reason}`)),
  });
  connection.send(load(target).request(0), 0, performance.now());
  const lines = await answer.promise;
  connection.end('closed');
  return lines.map((line) => (VARYING.test(line) ? line.slice(0, line.indexOf(':')) : line)).toSorted();
}
