import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The names under which systems install Chromium and its kin. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'];
/** A page of a dozen drawings takes seconds. */
const TIMEOUT_MS = 60_000;

/** The first browser on the PATH that can print; null without one. */
export function findBrowser(): string | null {
  for (const name of NAMES) {
    const path = Bun.which(name);
    if (path) return path;
  }
  return null;
}

/** Prints an HTML file into a PDF; throws with the browser's last words when that fails. */
export async function printPdf(browser: string, page: string, pdf: string): Promise<void> {
  await runBrowser(browser, ['--no-pdf-header-footer', `--print-to-pdf=${pdf}`], page);
}

/** Runs the browser without a window and with a profile of its own. */
export async function runBrowser(browser: string, flags: readonly string[], page: string): Promise<void> {
  const profile = mkdtempSync(join(tmpdir(), 'pulsecart-browser-'));
  try {
    const child = Bun.spawn(
      [
        browser,
        '--headless',
        '--disable-gpu',
        // A browser refuses its sandbox to root. The page is our own, and has no script.
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        `--user-data-dir=${profile}`,
        ...flags,
        pathToFileURL(page).href,
      ],
      { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe', timeout: TIMEOUT_MS, killSignal: 'SIGKILL' },
    );
    const said = await new Response(child.stderr).text();
    if ((await child.exited) !== 0) throw new Error(said.trim().split('\n').at(-1) ?? 'it said nothing');
  } finally {
    rmSync(profile, { recursive: true, force: true });
  }
}
