import { expect, test } from 'bun:test';
import { madeUpReport, madeUpRun } from '../../tests/support/report-data.ts';
import { contentOf } from './content.ts';
import { markdownOf } from './markdown.ts';
import { pageOf } from './page.ts';
import type { Sample } from './report-data.ts';

const SAMPLE: Sample = {
  atMs: 250,
  cpuServerShare: 0.5,
  cpuBackendsShare: null,
  cpuGeneratorShare: 0.1,
  rssMb: 100,
  eventLoopP99Ms: 3,
  queueDepth: 5,
  queueOldestMs: 7,
  available: 5,
  reserved: 3,
  sold: 2,
  batch: 4,
};
const sampled = (way: 'sync' | 'async') =>
  madeUpRun({ way, samples: [250, 500, 750].map((atMs) => ({ ...SAMPLE, atMs })) });
const content = contentOf(
  madeUpReport(
    {},
    {
      saleRuns: [sampled('sync'), sampled('async')],
      saturation: [{ way: 'sync', connections: 256, perS: 1000 }],
      sweepRuns: [100, 200, 300].flatMap((offeredPerS) => [
        { ...sampled('sync'), offeredPerS },
        { ...sampled('async'), offeredPerS },
      ]),
      atOnceRuns: [madeUpRun()],
    },
  ),
);

test('the page is one file: no script, nothing from elsewhere, and a drawing for each width', () => {
  const page = pageOf(content);
  expect(page.includes('<script')).toBe(false);
  expect(/https?:\/\/|src=|@import|url\((?!#)/.exec(page.replaceAll('http://www.w3.org/', ''))).toBeNull();
  expect(page.match(/<figure>/g)?.length).toBe(12);
  expect(page.match(/<svg /g)?.length).toBe(24);
  // Drawn in the page's own colours, so that both themes fit.
  expect(page).toContain('var(--sync)');
  expect(page).not.toContain('#a1000');
});

test('text of the machine cannot become markup', () => {
  expect(pageOf(content)).toContain('A &lt;fast&gt; CPU');
});

test('verdicts come first, then the advice, then the figures, in the page as in Markdown', () => {
  for (const document of [pageOf(content), markdownOf(content)]) {
    const order = [
      'erdicts',
      'Which way to use',
      'The sale',
      'Rising load',
      'Not measured',
      'How this was made',
    ];
    const places = order.map((word) => document.indexOf(word));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(document).toContain('The weather.');
  }
});

test('an interrupted report says so', () => {
  const partial = contentOf(madeUpReport({}, { partial: true }));
  expect(markdownOf(partial)).toContain('> The report was interrupted: parts of it are missing.');
});
