import type { DataOf } from '../shapes.ts';
import { Shell } from '../shell.tsx';

/** The operations console. */
export function Console({ data }: { data: DataOf<'ops'> }) {
  return (
    <Shell current="ops" development={data.development}>
      <h1>Operations</h1>
    </Shell>
  );
}
