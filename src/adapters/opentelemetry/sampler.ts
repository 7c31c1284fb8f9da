import type { TraceParent } from '../../domain/trace-context.ts';

/** The samplers of OTEL_TRACES_SAMPLER, in two numbers. */
export interface Sampling {
  /** A caller's own decision is followed. */
  readonly parentBased: boolean;
  /** Share of the other traces that is sampled, 0 to 1. */
  readonly ratio: number;
}

/** Decides at the head of a trace, before anything is made for it. */
export function createSampler({ parentBased, ratio }: Sampling): (parent: TraceParent | null) => boolean {
  const bound = Math.floor(ratio * 0x1_0000_0000);
  return (parent) => {
    // A trace that begins here gets a random id, so that a draw samples the same share as its id would.
    if (parent === null) return Math.random() < ratio;
    return parentBased ? parent.sampled : foldedId(parent.traceId) < bound;
  };
}

/** As the SDK's TraceIdRatioBasedSampler has it, so that services with the same ratio sample the same traces. */
function foldedId(traceId: string): number {
  let folded = 0;
  for (let at = 0; at < traceId.length; at += 8) folded ^= Number.parseInt(traceId.slice(at, at + 8), 16);
  return folded >>> 0;
}
