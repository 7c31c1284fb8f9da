import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBrowser } from '../../bench/report/pdf.ts';
import { canInstall, installPackages } from './services/install.ts';

/** A Chromium, installed if need be as the backends are; null where that is not possible. */
export async function haveBrowser(): Promise<string | null> {
  const found = findBrowser();
  if (found !== null || process.platform !== 'linux' || !canInstall()) return found;
  await installPackages(['chromium']).catch(({ message }) => console.error(`pulsecart: ${message}`));
  return findBrowser();
}

/** How wide a page would like to be in a window of `width` pixels; more than that would have to be scrolled sideways. */
export async function widthWanted(browser: string, html: string, width: number): Promise<number> {
  const frame = `<iframe src="/page" style="width:${width}px;height:900px;border:0" onload="
    document.title = this.contentDocument.documentElement.scrollWidth"></iframe>`;
  using server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: {
      '/': new Response(frame, { headers: { 'Content-Type': 'text/html' } }),
      '/page': new Response(html, { headers: { 'Content-Type': 'text/html' } }),
    },
  });
  const profile = mkdtempSync(join(tmpdir(), 'pulsecart-browser-'));
  try {
    const flags = ['--headless', '--disable-gpu', '--no-sandbox', `--user-data-dir=${profile}`, '--dump-dom'];
    const child = Bun.spawn([browser, ...flags, server.url.href], { stdout: 'pipe', stderr: 'ignore' });
    const dom = await new Response(child.stdout).text();
    await child.exited;
    return Number(/<title>(\d+)<\/title>/.exec(dom)?.[1] ?? Number.NaN);
  } finally {
    rmSync(profile, { recursive: true, force: true });
  }
}
