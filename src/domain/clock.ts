/** Milliseconds since the Unix epoch. The one source of wall-clock time, so that tests can move it. */
export type Clock = () => number;

export const systemClock: Clock = () => Date.now();
