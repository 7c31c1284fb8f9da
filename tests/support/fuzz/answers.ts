import type { ApiOperation } from './operations.ts';
import type { Request } from './requests.ts';

export interface FuzzAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Whether the body is UTF-8 throughout. */
  readonly isText: boolean;
}

/** Above the longest long poll. */
const ANSWER_TIMEOUT_MS = 40_000;
/** A stream's first event is its answer. */
const STREAM_PATIENCE_MS = 10_000;

export async function send(
  url: string,
  { method, target, headers, body }: Omit<Request, 'parts'>,
): Promise<FuzzAnswer> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new Error('no answer in time')), ANSWER_TIMEOUT_MS);
  try {
    const response = await fetch(url + target, {
      method,
      // As the bytes of UTF-8.
      headers: Object.entries(headers).map(([name, value]): [string, string] => [
        name,
        Buffer.from(value).toString('latin1'),
      ]),
      ...(body && { body: body as BodyInit }),
      redirect: 'manual',
      signal: stop.signal,
    });
    const bytes = isStream(response.headers) ? await firstEvent(response) : await response.bytes();
    const text = new TextDecoder().decode(bytes);
    const { status, headers: answered } = response;
    return { status, headers: answered, text, isText: Buffer.from(text).equals(bytes) };
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

function isStream(headers: Headers): boolean {
  return mediaType(headers) === 'text/event-stream';
}

async function firstEvent(response: Response): Promise<Uint8Array> {
  const reader = response.body!.getReader();
  const late = setTimeout(() => reader.cancel(), STREAM_PATIENCE_MS);
  const chunks: Uint8Array[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (value) chunks.push(value);
      if (done || Buffer.concat(chunks).includes('\n\n')) return Buffer.concat(chunks);
    }
  } finally {
    clearTimeout(late);
    await reader.cancel();
  }
}

function mediaType(headers: Headers): string {
  return headers.get('content-type')?.split(';')[0]?.trim() ?? '';
}

/** What is wrong with an answer, in words; empty when it is as the document says. */
export function complaintsAbout(
  operation: ApiOperation,
  request: Request,
  answer: FuzzAnswer,
  secrets: readonly string[],
): string[] {
  return [
    ...aboutShape(operation, answer),
    ...aboutHeaders(operation, request, answer),
    ...aboutJudgement(operation, request, answer),
    ...aboutLeaks(answer, secrets),
  ];
}

/** Health tells so in its own shape when a busy machine keeps a backend from answering within 50 ms. */
function isDown({ path }: ApiOperation, { status }: FuzzAnswer): boolean {
  return status === 503 && path.startsWith('/actuator/health');
}

function aboutShape(operation: ApiOperation, answer: FuzzAnswer): string[] {
  const { answers } = operation;
  const { status, headers, text, isText } = answer;
  // No backend is away and nothing overloads the server.
  if (status >= 500 && !isDown(operation, answer)) return [`it failed with ${status}`];
  const described = answers.get(status);
  if (!described) return [`${status} is not described`];
  const missing = described.hasSeveralShapes ? [] : described.headers.filter((name) => !headers.has(name));
  const complaints = missing.map((name) => `the header ${name}, which is described, is missing`);
  if (described.contents.size === 0)
    return text === '' ? complaints : [...complaints, 'no body is described'];
  const type = mediaType(headers);
  const check = described.contents.get(type);
  if (!check) return [...complaints, `content type ${type || '(none)'} is not described for ${status}`];
  if (!isText && type.startsWith('text/')) complaints.push('the body is not UTF-8');
  if (type.endsWith('json')) {
    if (!isText) complaints.push('the body is not UTF-8');
    const body = parsed(text);
    if (body === undefined) return [...complaints, 'the body is not JSON'];
    const [error] = check.Errors(body);
    if (error)
      complaints.push(`the body breaks its schema at ${error.instancePath || '/'}: ${error.message}`);
  }
  return complaints;
}

function aboutHeaders(operation: ApiOperation, request: Request, answer: FuzzAnswer): string[] {
  const { status, headers, text } = answer;
  const complaints: string[] = [];
  const need = (name: string, why: string) => {
    if (!headers.has(name)) complaints.push(`${why} without ${name}`);
  };
  const body = parsed(text) as { code?: unknown; requestId?: unknown } | undefined;
  if (status === 429 || status === 503 || body?.code === 'in_flight') need('Retry-After', `${status}`);
  if (status === 401) need('WWW-Authenticate', '401');
  if (status === 405) need('Allow', '405');
  if (status >= 400 && typeof body?.requestId === 'string') {
    const asked = request.headers['X-Request-Id'];
    const isOne = asked !== undefined && /^[\x21-\x7e]{1,128}$/.test(asked);
    if (headers.get('X-Request-Id') !== body.requestId)
      complaints.push('X-Request-Id is not that of the body');
    if (isOne && body.requestId !== asked) complaints.push('X-Request-Id is not the one that was sent');
  }
  if (
    status >= 400 &&
    !isDown(operation, answer) &&
    (typeof body?.code !== 'string' || !('message' in body))
  ) {
    complaints.push('an error without code and message');
  }
  return complaints;
}

/** Right requests are not called wrong, wrong ones are, and by the name of what is wrong. */
function aboutJudgement(operation: ApiOperation, request: Request, { status, text }: FuzzAnswer): string[] {
  if (operation.isForOperators && !request.isFromOperator) {
    return status === 401 ? [] : [`${status} for somebody who is no operator`];
  }
  const parts = [...request.parts];
  const wrong = parts.filter(([, part]) => part === 'wrong').map(([name]) => name);
  if (wrong.length > 0 && status < 400) return [`${status} although ${wrong} is wrong`];
  const { field } = (parsed(text) ?? {}) as { field?: unknown };
  if (status === 400 && typeof field !== 'string') return ['400 without the name of a field'];
  const isAcross = RULES_ACROSS_FIELDS[operation.id]?.includes(String(field)) ?? false;
  if (status === 400 && isAcross) return [];
  const isOpen = parts.some(([, part]) => part === 'open');
  if (wrong.length > 0 || isOpen) {
    const isNamed = wrong.some((name) => field === name || String(field).startsWith(`${name}`));
    return status === 400 && !isOpen && !isNamed ? [`400 names ${field}; wrong is ${wrong}`] : [];
  }
  const isCalledWrong = [400, 413, 415].includes(status);
  return isCalledWrong ? [`${status} for a request that the document allows`] : [];
}

/** What a request of right parts may be refused for as a whole, because no schema says it. */
const RULES_ACROSS_FIELDS: Readonly<Record<string, readonly string[]>> = {
  // An anonymous one needs 16 characters.
  buy: ['Idempotency-Key'],
  accept: ['Idempotency-Key'],
  createProduct: ['opensAt', 'closesAt'],
  changeProduct: ['opensAt', 'closesAt'],
  // A time that no calendar has.
  listOrders: ['from', 'to'],
  exportOrders: ['from', 'to'],
  // Who brings a token is an operator, and gives a reason instead of a customer.
  cancelOrder: ['reason', 'userId'],
  // Either the cause or the ids.
  replayDeadLetters: ['cause'],
  discardDeadLetters: ['cause'],
  // Dates that no calendar has, and an end before its beginning.
  history: ['from', 'to'],
  // Who come slowly must not be many.
  startRush: ['rate'],
};

/** Traces of the program: stacks, files, names of backends' errors; and what must never be told. */
function aboutLeaks({ headers, text }: FuzzAnswer, secrets: readonly string[]): string[] {
  const type = mediaType(headers);
  if (type === 'text/html' || type.endsWith('javascript') || type === 'text/css') return [];
  const trace = /node_modules|\bat \w+ \(|\b[\w-]+\.ts:\d+|SQLITE_|ECONNREFUSED|syntax error at/.exec(text);
  const told = secrets.filter((secret) => text.includes(secret));
  return [
    ...(trace ? [`it shows "${trace[0]}" of the program`] : []),
    ...told.map((one) => `it tells ${one}`),
  ];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
