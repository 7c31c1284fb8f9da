import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Answer } from '../client/api.ts';
import { OPS } from '../text.ts';

export interface Reading<T> {
  /** Undefined before it was read. What was read before stays while it is read again. */
  readonly body: Signal<T | undefined>;
  readonly trouble: Signal<string | null>;
  again(): Promise<void>;
}

/** Reads when it is first shown and whenever `of` changes. An answer that is overtaken by another question is dropped. */
export function useReading<T>(read: () => Promise<Answer<T>>, of: string): Reading<T> {
  const body = useSignal<T | undefined>(undefined);
  const trouble = useSignal<string | null>(null);
  const turn = useRef(0);

  async function again(): Promise<void> {
    turn.current += 1;
    const mine = turn.current;
    const answer = await read();
    if (mine !== turn.current) return;
    if (answer.ok) body.value = answer.body;
    trouble.value = answer.ok
      ? null
      : answer.status === 404
        ? OPS.missing(answer.message)
        : OPS.trouble(answer.message);
  }

  useEffect(() => {
    void again();
    return () => {
      turn.current += 1;
    };
  }, [of]);
  return { body, trouble, again };
}
