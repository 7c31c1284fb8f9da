/**
 * `work`, or a rejection with what `late` makes when it has not ended within `timeoutMs`. How `work` ends later is nobody's
 * business then.
 *
 * A timer that is due fires before the sockets are read. So when this process itself was busy for `timeoutMs`, an answer
 * may lie in the socket unread, and the timer would blame the other side for our own pause (measured with a pause of
 * twice the timeout: 20 of 20 answers were called late, with one further turn of the event loop 20 of 20, with two 0). And
 * work of several questions has more of them to ask after such a pause. So the time is counted in slices, of which a
 * pause uses up one, however long it was.
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

/** More would count a pause for less, and make more timers. */
const SLICES = 4;
