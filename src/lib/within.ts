/**
 * The result of `work`, or a rejection with the error of `late` after `timeoutMs`. A late result is ignored.
 *
 * A timer that is due fires before the sockets are read. So when this process itself was busy for `timeoutMs`, an answer
 * may lie unread in the socket, and the timer would blame the backend for our own pause (measured with a pause of
 * twice the timeout: 20 of 20 answers were called late, with one further turn of the event loop 20 of 20, with two 0).
 * Work of several round trips still has some to make after such a pause. So the time is counted in slices, and a pause
 * of any length uses up one slice.
 */
export function within<T>(
  work: Promise<T>,
  timeoutMs: number,
  late: () => Error = () => new Error(`no answer within ${timeoutMs} ms`),
): Promise<T> {
  return new Promise((resolve, reject) => {
    let slicesLeft = SLICES;
    let timer = setTimeout(sliceOver, timeoutMs / SLICES);
    function sliceOver(): void {
      if (--slicesLeft > 0) timer = setTimeout(sliceOver, timeoutMs / SLICES);
      else setImmediate(() => setImmediate(() => reject(late())));
    }
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** More slices would count a pause for less, and need more timers. */
const SLICES = 4;
