/** What opens a page on a desktop, by platform. */
const OPENERS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', linux: 'xdg-open' };

/**
 * Opens a page in the user's browser, where somebody sits at a desktop and a program for that is there. Whether it was tried; that
 * it fails hurts nobody. The address gets into the list of processes, so it must have no secret.
 */
export function openInBrowser(url: string): boolean {
  const opener = OPENERS[process.platform];
  const program = opener && Bun.which(opener);
  if (!program || !process.stdout.isTTY || !hasDesktop()) return false;
  try {
    Bun.spawn([program, url], { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' }).unref();
    return true;
  } catch {
    return false;
  }
}

/** Over ssh a browser would open on a screen that nobody looks at. */
function hasDesktop(): boolean {
  const { DISPLAY, WAYLAND_DISPLAY, SSH_CONNECTION } = process.env;
  if (SSH_CONNECTION) return false;
  return process.platform === 'darwin' || Boolean(DISPLAY || WAYLAND_DISPLAY);
}
