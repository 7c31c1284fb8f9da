import Type from 'typebox';

/** What every call that changes something as an operator carries. */

/** No control characters (Cc), no lone surrogates (Cs), no replacement character (the trace of broken UTF-8). */
export const REASON_PATTERN = '^[^\\s\\p{Cc}\\p{Cs}\\uFFFD][^\\p{Cc}\\p{Cs}\\uFFFD]{0,499}$';

export const Reason = Type.String({
  pattern: REASON_PATTERN,
  minLength: 1,
  maxLength: 500,
  description: 'Why, for the log of operations',
});

export const ACTOR_PATTERN = '^[!-~]{1,64}$';
