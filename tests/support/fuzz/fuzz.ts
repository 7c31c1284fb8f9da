import fc from 'fast-check';
import { complaintsAbout, type FuzzAnswer, send } from './answers.ts';
import { type ApiOperation, readOperations } from './operations.ts';
import { type Request, requestsTo } from './requests.ts';
import type { Known } from './values.ts';

/**
 * Sends requests to every operation of a server's own OpenAPI document, and holds each answer against the document. Routes
 * that are added later are found by themselves.
 */

export interface FuzzOptions {
  readonly url: string;
  readonly operatorToken: string;
  readonly seed: number;
  /** Requests for each operation. */
  readonly runs: number;
  /** What no answer may contain. */
  readonly secrets: readonly string[];
}

/** Answers of a kind that was not expected: what is wrong, and the smallest request that was found to show it. */
export async function fuzz(options: FuzzOptions): Promise<string[]> {
  const { url, operatorToken } = options;
  const document = await (await fetch(`${url}/openapi.json`)).json();
  const operations = readOperations(document);
  const known = createKnown();
  const findings: string[] = [];
  // Twice: what the later operations told is known to the earlier ones then.
  for (const round of [0, 1]) {
    for (const operation of operations) {
      const finding = await fuzzOne(operation, known, { ...options, seed: options.seed + round });
      if (finding) findings.push(finding);
    }
  }
  findings.push(...(await otherMethods(url, operations, operatorToken)));
  return [...new Set(findings)];
}

async function fuzzOne(
  operation: ApiOperation,
  known: Learner,
  options: FuzzOptions,
): Promise<string | null> {
  const { url, operatorToken, seed, runs, secrets } = options;
  let finding: string | null = null;
  const property = fc.asyncProperty(requestsTo(operation, operatorToken), async (draft) => {
    const request = draft(known);
    // The last request that fails is the smallest.
    const find = (what: string) => {
      finding = `${operation.id}: ${what}\n  ${curl(url, request)}`;
      return false;
    };
    const answer = await send(url, request).catch((error: Error) => error);
    if (answer instanceof Error) return find(answer.message);
    known.learn(answer);
    const complaints = complaintsAbout(operation, request, answer, secrets);
    if (complaints.length === 0) return true;
    return find(`${complaints.join('; ')}; ${answer.status} ${answer.text.slice(0, 300)}`);
  });
  await fc.check(property, { seed, numRuns: Math.ceil(runs / 2) });
  return finding;
}

/** Each path with the methods that it does not describe. */
async function otherMethods(
  url: string,
  operations: readonly ApiOperation[],
  operatorToken: string,
): Promise<string[]> {
  const findings: string[] = [];
  for (const [path, described] of Map.groupBy(operations, (operation) => operation.path)) {
    const methods = described.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    const others = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((one) => !methods.includes(one));
    for (const method of others) {
      const headers = { Authorization: `Bearer ${operatorToken}` };
      const request = { method, target: path.replace(/\{\w+\}/g, '1'), headers, body: null };
      const answer = await send(url, { ...request, isFromOperator: true });
      const allow = answer.headers.get('allow')?.split(', ').toSorted().join();
      if (answer.status !== 405 || allow !== [...methods, 'OPTIONS'].toSorted().join()) {
        findings.push(
          `${path}: ${method} is answered ${answer.status}, Allow: ${allow}\n  ${curl(url, request)}`,
        );
      }
    }
  }
  return findings;
}

interface Learner extends Known {
  learn(answer: FuzzAnswer): void;
}

/** What is remembered of each name. */
const KNOWN_MAX = 60;

function createKnown(): Learner {
  const seen = new Map<string, string[]>();
  const add = (name: string, value: string) => {
    const values = seen.get(name) ?? [];
    if (!values.includes(value)) values.push(value);
    seen.set(name, values.slice(-KNOWN_MAX));
  };
  return {
    pick(name, index) {
      const values = seen.get(name) ?? (/^(id|.*Id)$/.test(name) ? [...seen.values()].flat() : []);
      return values.length > 0 ? values[index % values.length]! : null;
    },
    learn({ status, headers, text }) {
      if (status >= 300) return;
      const etag = headers.get('etag');
      if (etag) add('If-None-Match', etag);
      for (const [, id] of text.matchAll(/^id: ?(.+)$/gm)) add('Last-Event-ID', id!);
      for (const [, name, quoted, number] of text.matchAll(/"(\w+)":(?:"([\w:-]{1,64})"|(\d+))(?=[,}\]])/g)) {
        if (/^(id|.*Id|name|cause|status|currency)$/.test(name!)) add(name!, quoted ?? number!);
      }
    },
  };
}

/** The request as a line for a shell. */
function curl(
  url: string,
  { method, target, headers, body }: Omit<Request, 'parts' | 'isFromOperator'>,
): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const fields = Object.entries(headers).map(([name, value]) =>
    quote(value === '' ? `${name};` : `${name}: ${value}`),
  );
  const data = body ? [`--data-binary ${quote(Buffer.from(body).toString())}`] : [];
  return ['curl -i -X', method, ...fields.map((field) => `-H ${field}`), ...data, quote(url + target)].join(
    ' ',
  );
}
