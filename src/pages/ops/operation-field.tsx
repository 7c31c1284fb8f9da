/** @jsxImportSource preact */
import { OPS } from '../text.ts';
import { ownZone } from './local-time.ts';
import type { Field } from './operation-forms.ts';

/** One input of an operation, with its label and what it accepts. */
export function OperationField({ field }: { field: Field }) {
  const { name, label, kind, hint, isOptional } = field;
  const about = [kind === 'time' ? OPS.forms.zone(ownZone()) : null, hint].filter(Boolean).join(' ');
  const hintId = about === '' ? undefined : `${name}-hint`;
  return (
    <div class={`field ${kind}`}>
      <label for={name}>
        {label}
        {isOptional && <span class="quiet"> {OPS.forms.optional}</span>}
      </label>
      <Input field={field} hintId={hintId} />
      {hintId && (
        <span id={hintId} class="quiet">
          {about}
        </span>
      )}
    </div>
  );
}

function Input({
  field: { name, kind, value, isOptional = false, min, max, choices = [] },
  hintId,
}: {
  field: Field;
  hintId: string | undefined;
}) {
  const common = { id: name, name, required: !isOptional, 'aria-describedby': hintId } as const;
  switch (kind) {
    case 'lines':
      return <textarea {...common} rows={3} maxLength={max} defaultValue={value} />;
    case 'yes':
      return <input {...common} type="checkbox" required={false} defaultChecked={value === 'true'} />;
    case 'time':
      return <input {...common} type="datetime-local" step={1} defaultValue={value} />;
    case 'whole':
      return (
        <input
          {...common}
          type="number"
          step={1}
          min={min}
          max={max}
          defaultValue={value}
          inputMode="numeric"
        />
      );
    case 'money':
      return (
        <input
          {...common}
          defaultValue={value}
          inputMode="decimal"
          pattern="\d{1,12}(\.\d{1,4})?"
          autocomplete="off"
        />
      );
    case 'choice':
      return (
        <select {...common} defaultValue={value}>
          {choices.map((one) => (
            <option key={one} value={one} selected={one === value}>
              {one}
            </option>
          ))}
        </select>
      );
    case 'text':
      return <input {...common} maxLength={max} defaultValue={value} autocomplete="off" />;
  }
}
