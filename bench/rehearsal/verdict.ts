/** What a rehearsal found, one line each. `WARN`: the sale would run, and somebody should look at it before. */
export interface RehearsalVerdict {
  readonly group: 'pre-flight' | 'correctness' | 'thresholds' | 'clean-up';
  readonly name: string;
  readonly state: VerdictState;
  /** Its figures. */
  readonly detail: string;
}

export type VerdictState = 'PASS' | 'WARN' | 'FAIL';

export interface Decision {
  readonly go: boolean;
  /** One line for people. */
  readonly line: string;
}

const REASONS_MAX = 3;

/** GO when nothing failed; and why not, or what to look at. */
export function decisionOf(verdicts: readonly RehearsalVerdict[]): Decision {
  const named = (state: VerdictState) => {
    const found = verdicts.filter((one) => one.state === state);
    const more = found.length > REASONS_MAX ? `; and ${found.length - REASONS_MAX} more` : '';
    const shown = found.slice(0, REASONS_MAX).map(({ name, detail }) => `${name}: ${detail}`);
    return { count: found.length, text: `${shown.join('; ')}${more}` };
  };
  const failed = named('FAIL');
  if (failed.count > 0) return { go: false, line: `NO-GO, failed: ${failed.text}` };
  const warned = named('WARN');
  if (warned.count > 0) return { go: true, line: `GO, but look at this first: ${warned.text}` };
  return { go: true, line: `GO: all ${verdicts.length} verdicts passed` };
}
