/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { randomText } from '../client/browser-store.ts';
import { OPS } from '../text.ts';
import { OperationField } from './operation-field.tsx';
import type { Forms, Operation, Outcome, Values } from './operation-forms.ts';

const REASON_CHARS_MAX = 500;
/** A form with more fields than this stands in two columns. */
const LARGE_FROM = 4;

/** The form of what the operator is about to do. */
export function OperationDialog({ forms }: { forms: Forms }) {
  const operation = forms.open.value;
  return operation && <Form operation={operation} forms={forms} />;
}

function Form({ operation, forms }: { operation: Operation; forms: Forms }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isBusy = useSignal(false);
  const outcome = useSignal<Outcome | null>(null);
  const sent = useRef({ text: '', key: '' });
  useEffect(() => {
    const shown = dialog.current!;
    shown.showModal();
    // Whoever opened it has the focus again.
    return () => shown.close();
  }, []);

  async function submit(form: HTMLFormElement): Promise<void> {
    if (isBusy.value) return;
    isBusy.value = true;
    const { reason, ...values } = valuesOf(form);
    const text = JSON.stringify([reason, values]);
    // The same again is the same request, whatever was heard of it: it is done once.
    if (text !== sent.current.text) sent.current = { text, key: randomText(16) };
    const ended = await operation.send(values, reason!, sent.current.key);
    isBusy.value = false;
    if (ended.kind !== 'done') {
      outcome.value = ended;
      return;
    }
    dialog.current?.close();
    forms.done(ended.says);
  }

  const { title, about, button, fields = [] } = operation;
  const again = outcome.value?.kind === 'conflict' ? OPS.forms.allTheSame : OPS.forms.again;
  const isRepeat = outcome.value?.kind === 'conflict' || outcome.value?.kind === 'unknown';
  return (
    <dialog
      ref={dialog}
      class={fields.length > LARGE_FROM ? 'large' : ''}
      aria-labelledby="operation"
      onClose={() => forms.close()}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <h2 id="operation">{title}</h2>
        {about && <p class="quiet">{about}</p>}
        <div class="fields">
          {fields.map((field) => (
            <OperationField key={field.name} field={field} />
          ))}
        </div>
        <label class="field">
          <span>{OPS.forms.reason}</span>
          <input
            name="reason"
            required
            maxLength={REASON_CHARS_MAX}
            pattern="\S.*"
            autocomplete="off"
            placeholder={OPS.forms.reasonExample}
          />
        </label>
        <div role="alert">
          <Trouble outcome={outcome.value} />
        </div>
        <p class="actions end">
          <button type="button" onClick={() => dialog.current?.close()}>
            {OPS.forms.cancel}
          </button>
          <button type="submit" class="strong" aria-disabled={isBusy.value}>
            {isBusy.value ? OPS.forms.busy : isRepeat ? again : button}
          </button>
        </p>
      </form>
    </dialog>
  );
}

function Trouble({ outcome }: { outcome: Outcome | null }) {
  if (outcome === null || outcome.kind === 'done') return null;
  if (outcome.kind !== 'conflict') return <p class="trouble">{outcome.says}</p>;
  return (
    <div class="trouble">
      <p>{OPS.forms.conflict}</p>
      <table>
        <thead>
          <tr>
            <th scope="col">{OPS.forms.what}</th>
            <th scope="col">{OPS.forms.seen}</th>
            <th scope="col">{OPS.forms.now}</th>
          </tr>
        </thead>
        <tbody>
          {outcome.changes.map(({ name, seen, now }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{seen}</td>
              <td>{now}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A box that is not ticked sends nothing by itself. */
function valuesOf(form: HTMLFormElement): Values {
  const values: Record<string, string> = {};
  for (const [name, value] of new FormData(form)) values[name] = String(value).trim();
  for (const box of form.querySelectorAll<HTMLInputElement>('input[type=checkbox]'))
    values[box.name] = String(box.checked);
  return values;
}
