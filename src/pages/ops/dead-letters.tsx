/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { counted, dayAndSecond } from '../format.ts';
import { OPS } from '../text.ts';
import { ActButton } from './act-button.tsx';
import { type Operation, outcomeOf } from './operation-forms.ts';
import type { Session } from './session.ts';
import type { Letter, LetterGroup } from './shapes.ts';
import type { Tools } from './tools.ts';
import { useReading } from './use-reading.ts';

const LETTERS = '/api/v1/ops/dead-letters';
const LOOKED_INTO = 20;
/** A broker hands letters out one by one. */
const TIMEOUT_MS = 125_000;

/** What could not be handled, by cause, and what operators do about it. */
export function DeadLetters({ tools }: { tools: Tools }) {
  const read = () => tools.session.ask<{ groups: LetterGroup[]; truncated: boolean }>(LETTERS);
  const { body, trouble, again } = useReading(read, '');
  const groups = body.value?.groups;
  return (
    <>
      <p class="quiet">{OPS.letters.about}</p>
      <p class="actions">
        <button type="button" onClick={() => void again()}>
          {OPS.again}
        </button>
      </p>
      <div role="status">
        {trouble.value && <p class="bad">{trouble.value}</p>}
        {groups?.length === 0 && <p class="empty">{OPS.letters.none}</p>}
        {body.value?.truncated && <p>{OPS.letters.truncated}</p>}
      </div>
      <ul class="groups">
        {groups?.map((group) => (
          <Group key={`${group.queue} ${group.cause}`} group={group} tools={tools} onChange={again} />
        ))}
      </ul>
    </>
  );
}

function Group({ group, tools, onChange }: { group: LetterGroup; tools: Tools; onChange: () => void }) {
  const { queue, cause, letters, items, oldestAt, newestAt } = group;
  const { forms, session } = tools;
  const isOpen = useSignal(false);
  return (
    <li class="group">
      <h3>
        <code>{cause}</code>
      </h3>
      <p class="quiet">
        {OPS.letters.queues[queue] ?? queue} · {counted(letters, 'letter')} · {counted(items, 'item')} ·{' '}
        {OPS.letters.between(dayAndSecond(oldestAt), dayAndSecond(newestAt))}
      </p>
      <p class="actions">
        <ActButton
          session={session}
          needs="operator"
          onAct={() => forms.ask(ending('replay', group, session, onChange))}
        >
          {OPS.letters.replay} …
        </ActButton>
        <ActButton
          session={session}
          needs="admin"
          onAct={() => forms.ask(ending('discard', group, session, onChange))}
        >
          {OPS.letters.discard} …
        </ActButton>
      </p>
      <details
        onToggle={(event) => {
          isOpen.value = event.currentTarget.open;
        }}
      >
        <summary>{OPS.letters.look}</summary>
        {isOpen.value && <Inside group={group} session={session} />}
      </details>
    </li>
  );
}

function Inside({ group: { queue, cause }, session }: { group: LetterGroup; session: Session }) {
  const query = new URLSearchParams({ queue, cause, limit: String(LOOKED_INTO) });
  const read = () => session.ask<{ letters: Letter[]; truncated: boolean }>(`${LETTERS}/letters?${query}`);
  const { body, trouble } = useReading(read, query.toString());
  if (trouble.value) return <p class="bad">{trouble.value}</p>;
  return (
    <ul class="letters">
      {body.value?.letters.map(({ id, cause, deadAt, itemIds }) => (
        <li key={id}>
          <span class="quiet">{dayAndSecond(deadAt)}</span> <code>{cause}</code>
          <br />
          {itemIds.map((itemId) => (
            <a key={itemId} href={queue === 'payments' ? `/o/${itemId}` : `/t/${itemId}`}>
              <code>{itemId}</code>
            </a>
          ))}
        </li>
      ))}
      {body.value?.truncated && <li class="quiet">{OPS.letters.more}</li>}
    </ul>
  );
}

function ending(
  what: 'replay' | 'discard',
  { queue, cause, letters }: LetterGroup,
  session: Session,
  onDone: () => void,
): Operation {
  const { titles, abouts, done } = OPS.letters;
  return {
    title: titles[what](counted(letters, 'letter')),
    about: abouts[what],
    button: OPS.letters[what],
    async send(_, reason) {
      const answer = await session.ask<{ letters: number; items: number; truncated: boolean }>(
        `${LETTERS}/${what}`,
        { method: 'POST', body: { queue, cause, reason }, timeoutMs: TIMEOUT_MS },
      );
      if (answer.ok) onDone();
      return outcomeOf(answer, ({ letters, items, truncated }) =>
        done[what](counted(letters, 'letter'), counted(items, 'item'), truncated),
      );
    },
  };
}
