import builtIn from './constants.json';
import type { Constants } from './constants.ts';

/**
 * The constants of this project's own measurement. A module of its own, because `plan --calibrate` writes that file anew: a shell
 * has emptied it by then.
 */
export function builtInConstants(): Constants {
  return builtIn as Constants;
}
