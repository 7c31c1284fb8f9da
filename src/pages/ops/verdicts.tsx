/** @jsxImportSource preact */
import { OPS } from '../text.ts';
import { ScrollArea } from './scroll-area.tsx';
import type { Verdict } from './shapes.ts';

/** What was claimed, whether it holds, and by which figures. */
export function Verdicts({ verdicts, caption }: { verdicts: readonly Verdict[]; caption: string }) {
  return (
    <ScrollArea name={OPS.audit.table}>
      <table class="verdicts">
        <caption>{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{OPS.audit.verdict}</th>
            <th scope="col">{OPS.audit.claim}</th>
            <th scope="col">{OPS.audit.figures}</th>
          </tr>
        </thead>
        <tbody>
          {verdicts.map(({ name, pass, detail }) => (
            <tr key={name}>
              <td>
                <b class={pass ? 'good' : 'bad'}>{wordFor(pass)}</b>
              </td>
              <th scope="row" class="words">
                {name}
              </th>
              <td class="words">{detail}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}

function wordFor(pass: boolean | null): string {
  if (pass === null) return OPS.audit.unjudged;
  return pass ? OPS.audit.passed : OPS.audit.failed;
}
