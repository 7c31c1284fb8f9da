/**
 * Names a span whose trace others continue (W3C Trace Context). Only what is sampled has one; what is not sampled leaves no trace
 * and carries nothing.
 */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  /** `tracestate` as it came; empty without one. */
  readonly state: string;
}

/** The `traceparent` of a request. */
export interface TraceParent extends TraceContext {
  readonly sampled: boolean;
}

/** The limit that the recommendation gives for what must be passed on. */
const STATE_CHARS_MAX = 512;
/** Versions after 00 may have more behind the flags; ff is none. */
const TRACEPARENT = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})($|-)/;

/** Null for a missing or malformed one: such a request starts a trace of its own. Never throws, whatever the text. */
export function readTraceparent(text: unknown, state: unknown = null): TraceParent | null {
  if (typeof text !== 'string' || text.length > STATE_CHARS_MAX) return null;
  const found = TRACEPARENT.exec(text);
  if (!found || (found[1] === '00' && text.length !== 55)) return null;
  return {
    traceId: found[2]!,
    spanId: found[3]!,
    state: isState(state) ? state : '',
    sampled: (Number.parseInt(found[4]!, 16) & 1) === 1,
  };
}

export function writeTraceparent({ traceId, spanId }: TraceContext): string {
  return `00-${traceId}-${spanId}-01`;
}

function isState(state: unknown): state is string {
  return typeof state === 'string' && state.length <= STATE_CHARS_MAX && /^[\x20-\x7e]*$/.test(state);
}
