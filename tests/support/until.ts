/** Generous, because the machine that runs the tests may be busy; a condition that holds is seen within milliseconds. */
const DEADLINE_MS = 20_000;
const LOOK_EVERY_MS = 2;
/** What takes longer than a second takes many: a look may be dozens of requests, which others would have to wait for. */
const SLOW_AFTER_MS = 1_000;
const LOOK_EVERY_MS_MAX = 50;

/** Waits until `condition` holds; rejects, naming the condition, when it does not within `deadlineMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const startedAtMs = performance.now();
  while (!(await condition())) {
    const waitedMs = performance.now() - startedAtMs;
    if (waitedMs > deadlineMs) throw new Error(`Not within ${deadlineMs} ms: ${condition}`);
    await Bun.sleep(waitedMs < SLOW_AFTER_MS ? LOOK_EVERY_MS : LOOK_EVERY_MS_MAX);
  }
}
