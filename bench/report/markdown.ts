import type { Content } from './content.ts';
import type { Table } from './findings.ts';

/** The report for terminals and diffs: all of it but the charts, unless there is a folder that has them as files. */
export function markdownOf(content: Content, chartsIn?: string): string {
  const { title, subtitle, findings, sections, facts, notMeasured } = content;
  const lines = [`# ${title}`, '', subtitle, '', '## Verdicts', ''];
  const [failed, passed] = [false, true].map((which) =>
    findings.verdicts.filter(({ pass }) => pass === which),
  );
  for (const { name, detail } of failed!) lines.push(`- **FAIL** ${name}: ${detail}`);
  for (const [detail, verdicts] of Map.groupBy(passed!, (verdict) => verdict.detail)) {
    lines.push(`- PASS ${detail}: ${verdicts.map(({ name }) => name).join('; ')}`);
  }
  lines.push('');
  for (const warning of findings.warnings) lines.push(`> ${warning}`, '>');
  if (lines.at(-1) === '>') lines.pop();
  lines.push(
    '',
    `## ${findings.advice.title}`,
    '',
    `**${findings.advice.choice}** ${findings.advice.rule}`,
    '',
  );
  for (const { question, answer, because } of findings.advice.questions) {
    lines.push(`- ${question} **${answer}** (${because})`);
  }
  for (const section of sections) {
    lines.push('', `## ${section.title}`);
    for (const text of section.text) lines.push('', text);
    if (chartsIn !== undefined) {
      for (const { id, title, says } of section.charts) {
        lines.push('', `![${title}. ${says}](${chartsIn}/${id}.svg)`);
      }
    }
    for (const table of section.tables) lines.push('', ...markdownTable(table));
  }
  lines.push('', '## Not measured', '', ...notMeasured.map((text) => `- ${text}`));
  lines.push('', '## How this was made', '', ...facts.map(([name, value]) => `- ${name}: ${value}`), '');
  return lines.join('\n');
}

function markdownTable({ title, source, head, rows }: Table): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    `**${title}** (\`${source}\`)`,
    '',
    line(head),
    line(head.map((_, i) => (i === 0 ? '---' : '---:'))),
    ...rows.map(line),
  ];
}
