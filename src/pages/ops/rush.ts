import { type Signal, signal } from '@preact/signals';
import type { Answer } from '../client/api.ts';
import { OPS } from '../text.ts';
import type { Session } from './session.ts';
import type { Rush } from './shapes.ts';

export interface RushRequest {
  readonly productId: number;
  readonly users: number;
  readonly rate: number;
  readonly mode: string;
  readonly units: number | null;
  readonly reason: string;
}

/** The crowd of a development server, followed while it runs. */
export interface RushWatch {
  /** Null before it is known, and where this server has no crowd. */
  readonly rush: Signal<Rush | null>;
  readonly isMissing: Signal<boolean>;
  readonly trouble: Signal<string | null>;
  look(): Promise<void>;
  begin(request: RushRequest): Promise<Answer<Rush>>;
  stop(): Promise<void>;
  /** Ends the looking that the first look began. */
  start(): () => void;
}

const PATH = '/api/v1/ops/rush';
const RUNNING_MS = 500;
const IDLE_MS = 5_000;

export function createRush(session: Session): RushWatch {
  const rush = signal<Rush | null>(null);
  const isMissing = signal(false);
  const trouble = signal<string | null>(null);
  let next: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;

  async function look(): Promise<void> {
    clearTimeout(next);
    const answer = document.hidden ? null : await session.ask<Rush>(PATH);
    if (answer?.ok) rush.value = answer.body;
    if (answer) {
      isMissing.value = answer.status === 404 || answer.status === 403;
      trouble.value = answer.ok || isMissing.value ? null : answer.message;
    }
    clearTimeout(next);
    if (isOver || isMissing.value) return;
    next = setTimeout(look, rush.value?.state === 'running' ? RUNNING_MS : IDLE_MS);
  }

  return {
    rush,
    isMissing,
    trouble,
    look,
    async begin(request) {
      const answer = await session.ask<Rush>(PATH, { method: 'POST', body: request });
      await look();
      return answer;
    },
    async stop() {
      const answer = await session.ask(PATH, { method: 'DELETE', body: { reason: OPS.crowd.stopReason } });
      trouble.value = answer.ok ? null : answer.message;
      await look();
    },
    start() {
      return () => {
        isOver = true;
        clearTimeout(next);
      };
    },
  };
}
