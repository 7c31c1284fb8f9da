import type { Ledger } from '../../ports/ledger.ts';

/** Work that one process at a time should do. Nothing breaks when two do it after all: a duty only saves doing it twice. */
export interface Duties {
  /** True when this process has the duty now. Without an answer from the ledger nobody has it. */
  mine(duty: string): Promise<boolean>;
  /** Lets others have them at once, instead of when their time is over. */
  close(): Promise<void>;
}

/** A holder that died is replaced after this long. Several rounds of work, so that a slow one does not lose its duty. */
const DUTY_MS = 5_000;

export function createDuties(ledger: Pick<Ledger, 'holdDuty' | 'leaveDuty'>, holder: string): Duties {
  const held = new Set<string>();

  return {
    async mine(duty) {
      const mine = await ledger.holdDuty(duty, holder, DUTY_MS);
      if (mine) held.add(duty);
      else held.delete(duty);
      return mine;
    },
    async close() {
      // What cannot be given up now ends by itself.
      await Promise.allSettled([...held].map((duty) => ledger.leaveDuty(duty, holder)));
      held.clear();
    },
  };
}
