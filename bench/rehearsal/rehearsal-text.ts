import { asCalled, coloured } from '../../src/cli/terminal.ts';
import type { RehearsalResult } from './rehearsal.ts';
import type { RehearsalVerdict } from './verdict.ts';

const COLOURS = { PASS: 'green', WARN: 'yellow', FAIL: 'red' } as const;

/** A rehearsal's result as text for a terminal, the decision last. */
export function rehearsalText(result: RehearsalResult, page: string): string {
  const width = Math.max(...result.verdicts.map(({ name }) => name.length), 0) + 2;
  const lines = [titleOf(result), ''];
  for (const [group, verdicts] of groupsOf(result)) {
    lines.push(group);
    for (const { state, name, detail } of verdicts)
      lines.push(`  ${coloured(state, COLOURS[state])}  ${name.padEnd(width)}${detail}`.trimEnd());
  }
  lines.push('', page);
  if (result.leftBehind !== null) lines.push(cleanUpLine(result));
  lines.push(result.line);
  return lines.join('\n');
}

export function cleanUpLine({ leftBehind, url }: Pick<RehearsalResult, 'leftBehind' | 'url'>): string {
  return asCalled(
    `The hidden product is still there. Once the server answers: pulsecart rehearse --clean-up ${leftBehind} --url ${url}`,
  );
}

export function titleOf({ url, options, product, crowd }: RehearsalResult): string {
  const { users, mode } = options;
  const came = crowd === null ? 'none sent' : `${crowd.users} came`;
  const units = product === null ? '' : ` for ${product.units} units of hidden product ${product.productId}`;
  return `Rehearsal at ${url}: ${users} buyers (${mode}, ${came})${units}`;
}

function groupsOf({ verdicts }: RehearsalResult): [string, RehearsalVerdict[]][] {
  return [...Map.groupBy(verdicts, ({ group }) => group)];
}
