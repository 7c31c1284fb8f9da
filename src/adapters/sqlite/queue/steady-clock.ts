import type { Clock } from '../../../domain/clock.ts';

/**
 * A clock that never goes back, not even below `from`. Messages are ordered and become due by it: a wall clock set back by
 * an hour would hide the messages published just before for an hour.
 */
export function steadyClock(clock: Clock, from: number): Clock {
  let previous = clock();
  let now = Math.max(previous, from);
  return () => {
    const wall = clock();
    if (wall > previous) now += wall - previous;
    previous = wall;
    return now;
  };
}
