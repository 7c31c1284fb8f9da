/** @jsxImportSource preact */
import { dayAndSecond } from '../format.ts';
import { OPS } from '../text.ts';
import { here, linkTo } from './route.ts';
import { ScrollArea } from './scroll-area.tsx';
import type { LogEntry } from './shapes.ts';
import type { Tools } from './tools.ts';
import { useReading } from './use-reading.ts';

const PAGE = 50;

/** What operators did, and why. */
export function Log({ tools: { session } }: { tools: Tools }) {
  const before = here.value.query.get('before') ?? '';
  const query = new URLSearchParams({ limit: String(PAGE), ...(before !== '' && { before }) });
  const read = () => session.ask<{ operations: LogEntry[]; next: string | null }>(`/api/v1/ops/log?${query}`);
  const { body, trouble, again } = useReading(read, before);
  const page = body.value;
  const { columns } = OPS.log;
  return (
    <>
      <p class="actions">
        <button type="button" onClick={() => void again()}>
          {OPS.again}
        </button>
      </p>
      <div role="status">
        {trouble.value && <p class="bad">{trouble.value}</p>}
        {page?.operations.length === 0 && <p class="empty">{OPS.log.none}</p>}
      </div>
      {page && page.operations.length > 0 && (
        <ScrollArea name={OPS.charts.tableOf(OPS.sections.log)}>
          <table class="hover log">
            <thead>
              <tr>
                <th scope="col">{columns.at}</th>
                <th scope="col">{columns.actor}</th>
                <th scope="col">{columns.action}</th>
                <th scope="col">{columns.subject}</th>
                <th scope="col">{columns.reason}</th>
                <th scope="col">{columns.details}</th>
              </tr>
            </thead>
            <tbody>
              {page.operations.map((entry) => (
                <tr key={entry.id}>
                  <td class="quiet">{dayAndSecond(entry.at)}</td>
                  <td>{entry.actor}</td>
                  <th scope="row">{entry.action}</th>
                  <td>
                    <Subject subject={entry.subject} />
                  </td>
                  <td class="words">{entry.reason ?? <span class="quiet">{OPS.log.noReason}</span>}</td>
                  <td class="words quiet">{detailsOf(entry)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollArea>
      )}
      <p class="actions">
        {before !== '' && <a href={linkTo('log')}>{OPS.log.newest}</a>}
        {page?.next && <a href={linkTo('log', { before: page.next })}>{OPS.log.older}</a>}
      </p>
    </>
  );
}

/** What it was done to, with the way there. */
function Subject({ subject }: { subject: string }) {
  const [kind, id = ''] = subject.split('/');
  if (kind === 'product' && id !== '') return <a href={linkTo('products', {}, id)}>{subject}</a>;
  if (kind === 'order') return <a href={`/o/${id}`}>{`${kind}/${id.slice(0, 8)}…`}</a>;
  return <>{subject}</>;
}

function detailsOf({ details }: LogEntry): string {
  return Object.entries(details)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ');
}
