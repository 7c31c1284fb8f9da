/** Generous, because the machine that runs the tests may be busy; a condition that holds is seen within milliseconds. */
const DEADLINE_MS = 5_000;
const LOOK_EVERY_MS = 2;

/** Waits until `condition` holds; rejects, naming the condition, when it does not within `deadlineMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Not within ${deadlineMs} ms: ${condition}`);
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
