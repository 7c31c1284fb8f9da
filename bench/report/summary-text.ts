import { coloured } from '../../src/cli/terminal.ts';
import type { Content } from './content.ts';

/** A report on a terminal: verdicts, advice, and where the files are. */
export function summaryText({ title, subtitle, findings }: Content, files: readonly string[]): string {
  const failed = findings.verdicts.filter(({ pass }) => !pass);
  const passed = findings.verdicts.length - failed.length;
  const lines = [title, subtitle, ''];
  if (passed > 0) lines.push(`${coloured('PASS', 'green')}  ${passed} verdicts, in all runs`);
  for (const { name, detail } of failed) lines.push(`${coloured('FAIL', 'red')}  ${name}: ${detail}`);
  for (const warning of findings.warnings) lines.push(`note  ${warning}`);
  lines.push('', `${findings.advice.title}: ${findings.advice.choice}`);
  for (const { question, answer, because } of findings.advice.questions) {
    lines.push(`${question} ${answer}`, `    ${because}`);
  }
  lines.push('', ...files);
  return lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n');
}
