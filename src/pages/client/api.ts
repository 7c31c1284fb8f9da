/** What the API answered: its body, or what it says is wrong. */
export type Answer<T> =
  | { readonly ok: true; readonly status: number; readonly body: T; readonly etag: string | null }
  | {
      readonly ok: false;
      /** 0: there was no answer. */
      readonly status: number;
      readonly code: string;
      readonly message: string;
      readonly retryAfterMs: number | null;
      readonly body: unknown;
    };

export interface Call {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;

/** Asks the API. Never rejects: a call that got no answer is one with status 0. */
export async function call<T>(
  path: string,
  { method = 'GET', body, headers, timeoutMs = TIMEOUT_MS }: Call = {},
): Promise<Answer<T>> {
  try {
    const response = await fetch(path, {
      method,
      headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
      cache: 'no-store',
    });
    const text = await response.text();
    const said = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : text;
    if (response.ok)
      return { ok: true, status: response.status, body: said, etag: response.headers.get('etag') };
    return {
      ok: false,
      status: response.status,
      code: said.code ?? '',
      message: said.detail ?? said.message ?? `${response.status}`,
      retryAfterMs: secondsIn(response.headers.get('retry-after')),
      body: said,
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, status: 0, code: 'no_answer', message, retryAfterMs: null, body: null };
  }
}

function secondsIn(header: string | null): number | null {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : null;
}
