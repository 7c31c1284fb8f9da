import { lastTold, openStream, type StreamReader } from './event-stream.ts';

/** Viewers of a product who come back, as a browser does: with the last id, when their stream ends or is cut. */
export interface Viewers extends AsyncDisposable {
  /** Whether each has a stream now. */
  areAll(): boolean;
  haveAllSeen(available: number): boolean;
  reconnects(): number;
}

/** In place of the seconds that the server asks browsers for. */
const COME_BACK_MS = 100;

export function followStream(url: string, productId: number, viewers: number): Viewers {
  const readers: (StreamReader | null)[] = new Array(viewers).fill(null);
  const seen = new Array<{ available: number; version: number }>(viewers).fill({
    available: -1,
    version: -1,
  });
  let reconnects = 0;
  let isOver = false;

  async function follow(i: number): Promise<void> {
    let lastId: string | null = null;
    while (!isOver) {
      try {
        const reader = await openStream(
          url,
          `products=${productId}`,
          lastId === null ? {} : { 'Last-Event-ID': lastId },
        );
        if (isOver) return reader[Symbol.dispose]();
        readers[i] = reader.status === 200 ? reader : null;
        await reader.ended;
        look(i);
        lastId = reader.lastId ?? lastId;
      } catch {
        // Cut, or nobody there: as good a reason to come back.
        look(i);
        lastId = readers[i]?.lastId ?? lastId;
      }
      readers[i] = null;
      reconnects++;
      await Bun.sleep(COME_BACK_MS);
    }
  }

  /** Throws where a viewer is told less than before. */
  function look(i: number): { available: number; version: number } {
    const reader = readers[i];
    if (!reader || reader.events.length === 0) return seen[i]!;
    const told = lastTold(reader, productId);
    if (told.version < seen[i]!.version) throw new Error(`version ${told.version} after ${seen[i]!.version}`);
    seen[i] = told;
    return told;
  }

  const running = Promise.all(readers.map((_, i) => follow(i)));
  running.catch(() => {});
  return {
    areAll: () => readers.every((reader) => (reader?.events.length ?? 0) > 0),
    haveAllSeen: (available) => readers.every((_, i) => look(i).available === available),
    reconnects: () => reconnects,
    async [Symbol.asyncDispose]() {
      isOver = true;
      for (const reader of readers) reader?.[Symbol.dispose]();
      await running;
    },
  };
}
