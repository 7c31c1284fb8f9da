/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { duration } from '../format.ts';
import { OPS } from '../text.ts';
import { ActButton } from './act-button.tsx';
import { type Operation, outcomeOf } from './operation-forms.ts';
import { ScrollArea } from './scroll-area.tsx';
import type { Session } from './session.ts';
import type { AuditReport, Finding } from './shapes.ts';
import type { Tools } from './tools.ts';
import { useReading } from './use-reading.ts';
import { Verdicts } from './verdicts.tsx';

const TIMEOUT_MS = 130_000;

/** Whether the books balance, and whether the server is well. */
export function Audit({ tools: { session, forms } }: { tools: Tools }) {
  const report = useSignal<AuditReport | null>(null);
  const ask = () =>
    forms.ask(
      runAudit(session, (made) => {
        report.value = made;
      }),
    );
  return (
    <>
      <p class="quiet">{OPS.audit.about}</p>
      <p class="actions">
        <ActButton session={session} needs="operator" kind="strong" onAct={ask}>
          {OPS.audit.run} …
        </ActButton>
      </p>
      {report.value && (
        <Verdicts verdicts={report.value.verdicts} caption={OPS.audit.took(duration(report.value.tookMs))} />
      )}
      <Doctor session={session} />
    </>
  );
}

function runAudit(session: Session, show: (report: AuditReport) => void): Operation {
  return {
    title: OPS.audit.title,
    about: OPS.audit.runAbout,
    button: OPS.audit.run,
    async send(_, reason) {
      const answer = await session.ask<AuditReport>('/api/v1/ops/audit', {
        method: 'POST',
        body: { reason },
        timeoutMs: TIMEOUT_MS,
      });
      if (answer.ok) show(answer.body);
      return outcomeOf(answer, ({ pass, verdicts }) =>
        pass ? OPS.audit.pass(verdicts.length) : OPS.audit.fail(verdicts.filter((one) => !one.pass).length),
      );
    },
  };
}

function Doctor({ session }: { session: Session }) {
  const read = () => session.ask<{ version: string; findings: Finding[] }>('/api/v1/ops/doctor');
  const { body, trouble, again } = useReading(read, '');
  const order = ['broken', 'note', 'ok'];
  const findings = body.value?.findings.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return (
    <section class="doctor" aria-labelledby="doctor">
      <h3 id="doctor">{OPS.doctor.heading}</h3>
      <p class="quiet">
        <button type="button" class="small" onClick={() => void again()}>
          {OPS.again}
        </button>{' '}
        {OPS.doctor.about(body.value?.version ?? '…')}
      </p>
      {trouble.value && <p class="bad">{trouble.value}</p>}
      {findings && (
        <ScrollArea name={OPS.charts.tableOf(OPS.doctor.heading)}>
          <table>
            <thead>
              <tr>
                <th scope="col">{OPS.doctor.state}</th>
                <th scope="col">{OPS.doctor.what}</th>
                <th scope="col">{OPS.doctor.found}</th>
              </tr>
            </thead>
            <tbody>
              {findings.map(({ name, state, detail }) => (
                <tr key={name}>
                  <td class={state === 'broken' ? 'bad' : state === 'ok' ? 'good' : ''}>
                    {OPS.doctor.states[state]}
                  </td>
                  <th scope="row">{name}</th>
                  <td class="words">{detail}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollArea>
      )}
    </section>
  );
}
