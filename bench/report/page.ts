import { type Chart, COLOURS, drawChart } from './chart.ts';
import type { Content, Section } from './content.ts';
import type { FoundVerdict, Table } from './findings.ts';

/** The report as one HTML file: no script, nothing loaded from elsewhere, both themes, every width, and fit to be printed. */
export function pageOf(content: Content): string {
  const { title, subtitle, findings, sections, facts, notMeasured } = content;
  const failed = findings.verdicts.filter(({ pass }) => !pass);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${text(title)}</h1>
<p class="subtitle">${text(subtitle)}</p>
</header>
<section aria-labelledby="verdicts">
<h2 id="verdicts">${failed.length === 0 ? `All ${findings.verdicts.length} verdicts passed` : `${failed.length} of ${findings.verdicts.length} verdicts failed`}</h2>
${listOf(failed)}
<details>
<summary>${failed.length === 0 ? 'What was checked' : 'Those that passed'}</summary>
${listOf(findings.verdicts.filter(({ pass }) => pass))}
</details>
${findings.warnings.map((one) => `<p class="warning">${text(one)}</p>`).join('\n')}
</section>
<section aria-labelledby="advice">
<h2 id="advice">${text(findings.advice.title)}</h2>
<p class="choice"><strong>${text(findings.advice.choice)}</strong></p>
<p>The rule: ${text(findings.advice.rule)}</p>
<dl>
${findings.advice.questions
  .map(
    ({ question, answer, because }) =>
      `<dt>${text(question)}</dt><dd><strong>${text(answer)}</strong><br><small>${text(because)}</small></dd>`,
  )
  .join('\n')}
</dl>
</section>
${sections.map(sectionOf).join('\n')}
<section aria-labelledby="not-measured">
<h2 id="not-measured">Not measured</h2>
<ul>
${notMeasured.map((one) => `<li>${text(one)}</li>`).join('\n')}
</ul>
</section>
<section aria-labelledby="facts">
<h2 id="facts">How this was made</h2>
<dl class="facts">
${facts.map(([name, value]) => `<dt>${text(name)}</dt><dd>${text(value)}</dd>`).join('\n')}
</dl>
</section>
</main>
</body>
</html>
`;
}

function listOf(verdicts: readonly FoundVerdict[]): string {
  const items = verdicts.map(
    ({ name, pass, detail }) =>
      `<li class="${pass ? 'pass' : 'fail'}"><b>${pass ? 'PASS' : 'FAIL'}</b> <span>${text(name)}</span> <small>${text(detail)}</small></li>`,
  );
  return items.length === 0 ? '' : `<ul class="verdicts">\n${items.join('\n')}\n</ul>`;
}

function sectionOf({ title, text: paragraphs, tables, charts }: Section, at: number): string {
  return `<section aria-labelledby="part-${at}">
<h2 id="part-${at}">${text(title)}</h2>
${paragraphs.map((paragraph) => `<p>${text(paragraph)}</p>`).join('\n')}
<div class="charts">
${charts.map(figureOf).join('\n')}
</div>
${tables.map(tableOf).join('\n')}
</section>`;
}

const WIDE = { width: 720, height: 340 };
const NARROW = { width: 346, height: 300 };

/** Drawn twice, because text that shrinks with its drawing cannot be read on a phone. */
function figureOf(chart: Chart): string {
  return `<figure>
<figcaption><b>${text(chart.title)}</b> ${text(chart.says)}</figcaption>
<div class="wide" role="img" aria-label="${text(`${chart.title}. ${chart.says}`)}">${drawChart(chart, WIDE, 'page')}</div>
<div class="narrow" role="img" aria-label="${text(`${chart.title}. ${chart.says}`)}">${drawChart(chart, NARROW, 'page')}</div>
</figure>`;
}

function tableOf({ title, source, head, rows }: Table): string {
  return `<div class="table" tabindex="0" role="region" aria-label="${text(title)}">
<table>
<caption>${text(title)} <code>${text(source)}</code></caption>
<thead><tr>${head.map((cell) => `<th scope="col">${text(cell)}</th>`).join('')}</tr></thead>
<tbody>
${rows
  .map(
    ([first = '', ...cells]) =>
      `<tr><th scope="row">${text(first)}</th>${cells.map((cell) => `<td>${text(cell)}</td>`).join('')}</tr>`,
  )
  .join('\n')}
</tbody>
</table>
</div>`;
}

function text(value: string): string {
  const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return value.replaceAll(/[&<>"]/g, (one) => ENTITIES[one]!);
}

function variables(theme: 'light' | 'dark'): string {
  return Object.entries(COLOURS)
    .map(([name, colour]) => `--${name}: ${colour[theme]};`)
    .join(' ');
}

const LIGHT = `color-scheme: light; ${variables('light')} --ground: #ffffff; --panel: #f5f7f9; --quiet: #56616d; --good: #14703c; --bad: #b3261e; --warn: #7a5200;`;
const DARK = `color-scheme: dark; ${variables('dark')} --ground: #12171d; --panel: #1b222a; --quiet: #a3afbb; --good: #5fce8e; --bad: #ff8a80; --warn: #f2c14e;`;

const STYLE = `
:root { ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1500px; margin: 0 auto; padding: 1.5rem clamp(.75rem, 3vw, 2.5rem) 4rem; }
h1 { font-size: clamp(1.5rem, 4vw, 2.1rem); line-height: 1.2; margin: 0; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.35rem; line-height: 1.25; }
p, dd, li { max-width: 78ch; }
.subtitle, small, figcaption, caption { color: var(--quiet); }
.verdicts { list-style: none; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: .4rem 1rem; }
.verdicts li { padding: .35rem .6rem; background: var(--panel); border-left: 4px solid var(--good); overflow-wrap: anywhere; }
.verdicts li b { color: var(--good); }
.verdicts li small { display: block; }
.verdicts .fail { border-color: var(--bad); }
.verdicts .fail b { color: var(--bad); }
summary { cursor: pointer; padding: .35rem 0; }
.warning { border-left: 4px solid var(--warn); background: var(--panel); padding: .5rem .8rem; }
.choice { font-size: 1.6rem; margin: 0; }
dt { font-weight: 600; margin-top: .9rem; }
dd { margin: .15rem 0 0; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .25rem 1rem; }
.facts dt, .facts dd { margin: 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 600px), 1fr)); gap: 1.5rem; margin: 1.25rem 0; }
figure { margin: 0; min-width: 0; max-width: 760px; }
figcaption { margin-bottom: .5rem; }
figcaption b { color: var(--text); display: block; }
figure svg { width: 100%; height: auto; display: block; }
.narrow { display: none; }
.table { overflow-x: auto; margin: 1.25rem 0; }
.table:focus-visible { outline: 2px solid var(--sync); outline-offset: 2px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .35rem; color: var(--text); }
caption code { font-weight: 400; font-size: .8rem; color: var(--quiet); overflow-wrap: anywhere; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid var(--faint); text-align: right; white-space: nowrap; }
th:first-child { text-align: left; font-weight: 500; position: sticky; left: 0; background: var(--ground); }
thead th { font-weight: 600; }
@media (max-width: 640px) {
  .wide { display: none; }
  .narrow { display: block; }
  th, td { padding: .3rem .5rem; font-size: .9rem; }
  th:first-child { white-space: normal; min-width: 6.5rem; box-shadow: 1px 0 0 var(--faint); }
}
@media print {
  :root { ${LIGHT} }
  body { font-size: 10.5pt; }
  main { padding: 0; max-width: none; }
  .charts { grid-template-columns: 1fr 1fr; gap: .8rem; }
  .wide { display: none; }
  .narrow { display: block; }
  details::details-content { content-visibility: visible; }
  figure, tr, .verdicts li, dd { break-inside: avoid; }
  h2, dt, caption { break-after: avoid; }
  .table { overflow: visible; }
  th, td { padding: .15rem .5rem; font-size: 9pt; }
}
@page { size: A4; margin: 14mm; }
`;
