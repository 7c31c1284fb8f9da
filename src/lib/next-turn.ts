/** Lets the event loop serve ready work, requests above all. A resolved promise alone does not. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
