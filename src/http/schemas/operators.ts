import Type from 'typebox';
import { UNTEXT } from './text.ts';

/** What every call that changes something as an operator carries. */

export const REASON_PATTERN = `^[^\\s${UNTEXT}][^${UNTEXT}]{0,499}$`;

export const Reason = Type.String({
  pattern: REASON_PATTERN,
  minLength: 1,
  maxLength: 500,
  description: 'Why, for the log of operations',
});

/** A person's name, or a program's. */
export const ACTOR_PATTERN = `^[^\\s${UNTEXT}]([^${UNTEXT}]{0,62}[^\\s${UNTEXT}])?$`;
