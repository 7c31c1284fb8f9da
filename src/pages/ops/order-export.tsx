/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { whole } from '../format.ts';
import { OPS } from '../text.ts';
import { canWriteFiles, type Saved, saveOrders } from './csv.ts';
import { type OrderFilter, queryOf } from './order-search.ts';
import type { Session } from './session.ts';

/** Saves what is looked for, all pages of it, as a file for spreadsheets. */
export function OrderExport({ session, filter }: { session: Session; filter: OrderFilter }) {
  const saved = useSignal<Saved | null>(null);
  const isRunning = useSignal(false);
  const stop = useRef<AbortController | null>(null);

  async function save(toFile: boolean): Promise<void> {
    const controller = new AbortController();
    stop.current = controller;
    isRunning.value = true;
    const tell = (says: string) => {
      saved.value = { says, command: null };
    };
    tell(OPS.csv.running);
    saved.value = await saveOrders({
      session,
      query: queryOf({ ...filter, before: '' }),
      signal: controller.signal,
      toFile,
      tell: (rows) => tell(OPS.csv.rows(whole(rows))),
    });
    isRunning.value = false;
  }

  const command = saved.value?.command ?? null;
  return (
    <div class="export">
      <p class="actions">
        {isRunning.value ? (
          <button type="button" onClick={() => stop.current?.abort()}>
            {OPS.csv.stop}
          </button>
        ) : (
          <button type="button" onClick={() => void save(false)}>
            {OPS.csv.save}
          </button>
        )}
        {command !== null && canWriteFiles() && !isRunning.value && (
          <button type="button" onClick={() => void save(true)}>
            {OPS.csv.toFile}
          </button>
        )}
        <span role="status">{saved.value?.says}</span>
      </p>
      {command !== null && <code class="command">{command}</code>}
    </div>
  );
}
