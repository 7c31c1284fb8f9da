import { whole } from '../format.ts';
import { OPS } from '../text.ts';
import type { Session } from './session.ts';

/** Kept in memory at most, where the browser cannot write to a file as it reads. */
const ROWS_MAX = 100_000;
const TELL_EVERY_MS = 500;

interface Sink {
  readonly rowsMax: number;
  write(part: Uint8Array<ArrayBuffer>): Promise<void> | void;
  /** Keeps the file, or throws away what there is of it. */
  end(isWhole: boolean): Promise<void> | void;
}

export interface Saving {
  readonly session: Session;
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
  /** Into a file that the operator chooses, which has no limit, rather than one that is downloaded from memory. */
  readonly toFile: boolean;
  tell(rows: number): void;
}

/** What became of it, in words. */
export interface Saved {
  readonly says: string;
  /** The command that does it without a browser, where there are too many orders for one. */
  readonly command: string | null;
}

/** Saves orders as CSV. */
export async function saveOrders({ session, query, signal, toFile, tell }: Saving): Promise<Saved> {
  const path = `/api/v1/orders.csv?${query}`;
  const said = (says: string, command: string | null = null): Saved => ({ says, command });
  let sink: Sink | null = null;
  try {
    sink = toFile ? await openFile() : openMemory();
    const response = await fetch(path, { headers: session.headers(), signal, cache: 'no-store' });
    if (!response.ok || !response.body) {
      await sink.end(false);
      if (response.status === 401) session.signOut(OPS.signIn.refused);
      return said(response.status === 404 ? OPS.csv.missing : OPS.csv.failed(`${response.status}`));
    }
    const rows = await copy(response.body, sink, tell);
    if (rows === null) return said(OPS.csv.tooMany(whole(ROWS_MAX)), curl(path));
    return said(OPS.csv.saved(whole(rows)));
  } catch (error) {
    await sink?.end(false);
    if (error instanceof DOMException && error.name === 'AbortError') return said(OPS.csv.stopped);
    return said(OPS.csv.failed(error instanceof Error ? error.message : String(error)));
  }
}

/** Returns how many orders there were; null where they are too many. */
async function copy(
  from: ReadableStream<Uint8Array<ArrayBuffer>>,
  sink: Sink,
  tell: (rows: number) => void,
): Promise<number | null> {
  // The head of the table is no order.
  let rows = -1;
  let toldAtMs = performance.now();
  const reader = from.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    for (const byte of value) if (byte === LINE_FEED) rows++;
    if (rows > sink.rowsMax) {
      await reader.cancel();
      await sink.end(false);
      return null;
    }
    await sink.write(value);
    if (performance.now() - toldAtMs < TELL_EVERY_MS) continue;
    toldAtMs = performance.now();
    tell(Math.max(0, rows));
  }
  await sink.end(true);
  return Math.max(0, rows);
}

const LINE_FEED = 10;

type Picker = (options: object) => Promise<{ createWritable(): Promise<Writer> }>;
interface Writer {
  write(part: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

export function canWriteFiles(): boolean {
  return 'showSaveFilePicker' in globalThis;
}

async function openFile(): Promise<Sink> {
  const { showSaveFilePicker } = globalThis as unknown as { showSaveFilePicker: Picker };
  const file = await showSaveFilePicker({ suggestedName: fileName() });
  const writer = await file.createWritable();
  return {
    rowsMax: Number.POSITIVE_INFINITY,
    write: (part) => writer.write(part),
    end: (isWhole) => (isWhole ? writer.close() : writer.abort()),
  };
}

function openMemory(): Sink {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  return {
    rowsMax: ROWS_MAX,
    write: (part) => void parts.push(part),
    end(isWhole) {
      if (isWhole) download(new Blob(parts, { type: 'text/csv' }), fileName());
    },
  };
}

function fileName(): string {
  return `orders-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.csv`;
}

function download(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function curl(path: string): string {
  return `curl -H "Authorization: Bearer $TOKEN" '${location.origin}${path}' > orders.csv`;
}
