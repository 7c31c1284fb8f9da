import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contentOf } from './content.ts';
import { markdownOf } from './markdown.ts';
import { pageOf } from './page.ts';
import { findBrowser, printPdf } from './pdf.ts';
import type { ReportData } from './report-data.ts';

/** Writes the report's files into the folder; returns a line for each, the one to open first. */
export async function writeReport(data: ReportData, folder: string): Promise<string[]> {
  const content = contentOf(data);
  const page = join(folder, 'report.html');
  // The data first: the rest can be made from them again.
  await writeData(data, folder);
  await writeFile(join(folder, 'report.md'), markdownOf(content));
  await writeFile(page, pageOf(content));
  return [
    `report  ${page}`,
    `        ${join(folder, 'report.md')}, ${join(folder, 'report.json')}`,
    await pdfLine(page, join(folder, 'report.pdf')),
  ];
}

export async function writeData(data: ReportData, folder: string): Promise<void> {
  await writeFile(join(folder, 'report.json'), `${JSON.stringify(data)}\n`);
}

async function pdfLine(page: string, pdf: string): Promise<string> {
  const browser = findBrowser();
  if (browser === null) return '        no report.pdf: no Chromium was found';
  try {
    await printPdf(browser, page, pdf);
    return `        ${pdf}`;
  } catch (error) {
    return `        no report.pdf: ${browser} failed: ${(error as Error).message}`;
  }
}
