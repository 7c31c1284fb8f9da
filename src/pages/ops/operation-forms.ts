import { type Signal, signal } from '@preact/signals';
import type { Answer } from '../client/api.ts';
import { OPS } from '../text.ts';

/** What an operator is about to do: its form is shown, with the reason that every one of them needs. */
export interface Operation {
  readonly title: string;
  /** What it does, and what it does not. */
  readonly about?: string;
  /** What the button says that does it. */
  readonly button: string;
  readonly fields?: readonly Field[];
  /** `key` is the same as long as the same is sent again, so that what was answered to nobody is done once. */
  send(values: Values, reason: string, key: string): Promise<Outcome>;
}

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly kind: 'text' | 'lines' | 'whole' | 'money' | 'time' | 'yes' | 'choice';
  readonly value: string;
  readonly hint?: string;
  readonly isOptional?: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
}

export type Values = Readonly<Record<string, string>>;

export type Outcome =
  | { readonly kind: 'done'; readonly says: string }
  | { readonly kind: 'refused'; readonly says: string }
  /** It may be done or not. Sent again unchanged, it is done once. */
  | { readonly kind: 'unknown'; readonly says: string }
  /** Nothing was done, because somebody else changed the same thing since it came on screen. Sent again, it is done all the same. */
  | { readonly kind: 'conflict'; readonly changes: readonly Difference[] };

export interface Difference {
  readonly name: string;
  readonly seen: string;
  readonly now: string;
}

/** The operation that is being asked for, and what became of the last one. */
export interface Forms {
  readonly open: Signal<Operation | null>;
  readonly said: Signal<string | null>;
  ask(operation: Operation): void;
  done(says: string): void;
  close(): void;
}

export function createForms(): Forms {
  const open = signal<Operation | null>(null);
  const said = signal<string | null>(null);
  return {
    open,
    said,
    ask(operation) {
      said.value = null;
      open.value = operation;
    },
    done(says) {
      said.value = says;
      open.value = null;
    },
    close() {
      open.value = null;
    },
  };
}

/** What an answer means to who asked. Only some failures are known to have done nothing. */
export function outcomeOf<T>(answer: Answer<T>, says: (body: T) => string): Outcome {
  if (answer.ok) return { kind: 'done', says: says(answer.body) };
  const { status, code, message } = answer;
  const mayBeDone =
    status === 0 || status === 500 || status === 502 || status === 504 || code === 'outcome_unknown';
  return mayBeDone
    ? { kind: 'unknown', says: OPS.forms.unknown(message) }
    : { kind: 'refused', says: message };
}
