/** The day on which the examples were recorded, from a real server. */
const RECORDED_MS = Date.UTC(2026, 10, 22);
const DAY_MS = 86_400_000;
/** The day of a time like 2026-11-27T09:00:00Z, also in the middle of a text. */
const DAY_OF_TIME = /\b\d{4}-\d\d-\d\d(?=T\d\d:\d\d)/g;

/**
 * The same document with the times of its examples as many days later as `nowMs` is later than their recording. What a reader
 * copies then lies as far ahead as it did that day, and times that belong together still do.
 */
export function withExamplesAsOf<T extends object>(document: T, nowMs: number): T {
  const laterMs = (dayOf(nowMs) - dayOf(RECORDED_MS)) * DAY_MS;
  return JSON.parse(JSON.stringify(document), (key, value) =>
    key === 'example' || key === 'examples' ? moved(value, laterMs) : value,
  );
}

/** The day in UTC, counted from 1970. */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

function moved(example: unknown, laterMs: number): unknown {
  const text = JSON.stringify(example).replace(DAY_OF_TIME, (day) =>
    new Date(Date.parse(day) + laterMs).toISOString().slice(0, 10),
  );
  return JSON.parse(text);
}
