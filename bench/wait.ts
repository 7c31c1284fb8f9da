/** Calls `probe` until it returns a value other than undefined, or resolves with undefined at the deadline. */
export async function poll<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  options: { readonly deadlineMs: number; readonly everyMs: number },
): Promise<T | undefined> {
  const endMs = performance.now() + options.deadlineMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() >= endMs) return undefined;
    await Bun.sleep(options.everyMs);
  }
}
