import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { analysisOf, type LoadSummary, SAMPLES } from './analysis.ts';
import { drawChart } from './chart.ts';
import { type Content, contentOf } from './content.ts';
import { markdownOf } from './markdown.ts';
import { pageOf } from './page.ts';
import { findBrowser, printPdf, runBrowser } from './pdf.ts';
import { readReport } from './read-report.ts';

/**
 * `npm run samples -- [results/<time>]`: takes that report as the sample, and writes what is made from the samples: ANALYSIS_REPORT.md and
 * .pdf, and the graphs in benchmarks/.
 */
const ROOT = join(import.meta.dir, '..', '..');
const SIZE = { width: 900, height: 420 };

/** The texts that are made from the samples, by their path within the project. */
export function textsOfSamples(): Map<string, string> {
  const content = readSamples();
  const report = contentOf(readReport(join(ROOT, SAMPLES.report)));
  const texts = new Map([
    ['ANALYSIS_REPORT.md', markdownOf(content, 'benchmarks')],
    [SAMPLES.report.replace(/json$/, 'md'), markdownOf(report)],
    [SAMPLES.report.replace(/json$/, 'html'), pageOf(report)],
  ]);
  for (const { charts } of content.sections) {
    for (const chart of charts)
      texts.set(`benchmarks/${chart.id}.svg`, `${drawChart(chart, SIZE, 'light')}\n`);
  }
  return texts;
}

function readSamples(): Content {
  const summary = (way: 'sync' | 'async') =>
    JSON.parse(readFileSync(join(ROOT, SAMPLES[way]), 'utf8')) as LoadSummary;
  const data = readReport(join(ROOT, SAMPLES.report));
  return analysisOf(data, { sync: summary('sync'), async: summary('async') });
}

async function write(from: string | undefined): Promise<void> {
  if (from !== undefined) await take(from);
  rmSync(join(ROOT, 'benchmarks'), { recursive: true, force: true });
  mkdirSync(join(ROOT, 'benchmarks'));
  const texts = textsOfSamples();
  for (const [path, text] of texts) await writeFile(join(ROOT, path), text);
  const browser = findBrowser();
  if (browser === null) throw new Error('ANALYSIS_REPORT.pdf and the PNG files need a Chromium');
  for (const path of texts.keys()) {
    if (path.endsWith('.svg')) await photograph(browser, join(ROOT, path));
  }
  const report = join(ROOT, SAMPLES.report);
  await printPdf(browser, report.replace(/json$/, 'html'), report.replace(/json$/, 'pdf'));
  const page = join(ROOT, 'benchmarks', 'analysis.html');
  await writeFile(page, pageOf(readSamples()));
  await printPdf(browser, page, join(ROOT, 'ANALYSIS_REPORT.pdf'));
  rmSync(page);
}

async function take(from: string): Promise<void> {
  readReport(from);
  const to = join(ROOT, SAMPLES.report, '..');
  mkdirSync(to, { recursive: true });
  await copyFile(join(from, 'report.json'), join(to, 'report.json'));
}

function photograph(browser: string, svg: string): Promise<void> {
  const flags = [`--screenshot=${svg.replace(/svg$/, 'png')}`, `--window-size=${SIZE.width},${SIZE.height}`];
  return runBrowser(browser, ['--hide-scrollbars', ...flags], svg);
}

if (import.meta.main) await write(process.argv[2]);
