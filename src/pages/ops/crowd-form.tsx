/** @jsxImportSource preact */
import { type Signal, useSignal } from '@preact/signals';
import { OPS } from '../text.ts';
import { ActButton } from './act-button.tsx';
import type { Tools } from './tools.ts';

/** What a newcomer would want to see: slow enough to watch, sold out within seconds, and little enough for any machine. */
const USUAL = { users: 10_000, rate: 1_000, units: 1_000, mode: 'both' };
const USERS_MAX = 100_000;

/** The crowd that is asked for; one press starts it as it stands. */
export function CrowdForm({
  tools: { rush, catalog, session },
  product,
  isRunning,
}: {
  tools: Tools;
  product: Signal<string>;
  isRunning: boolean;
}) {
  const trouble = useSignal<string | null>(null);
  const isBusy = useSignal(false);
  const may = session.may('admin');
  const { fields, modes } = OPS.crowd;

  async function begin(form: HTMLFormElement): Promise<void> {
    if (isBusy.value || isRunning || !may) return;
    isBusy.value = true;
    const values = new FormData(form);
    const text = (name: string) => String(values.get(name) ?? '').trim();
    const answer = await rush.begin({
      productId: Number(product.value),
      users: Number(text('users')),
      rate: Number(text('rate')),
      mode: text('mode'),
      units: text('units') === '' ? null : Number(text('units')),
      reason: text('reason'),
    });
    trouble.value = answer.ok ? null : answer.message;
    isBusy.value = false;
  }

  const number = (name: 'users' | 'rate' | 'units', min: number, isOptional = false) => (
    <label class="field">
      <span>{fields[name]}</span>
      <input
        name={name}
        type="number"
        inputMode="numeric"
        min={min}
        max={name === 'units' ? undefined : USERS_MAX}
        required={!isOptional}
        defaultValue={String(USUAL[name])}
      />
    </label>
  );
  return (
    <form
      class="crowd-form"
      onSubmit={(event) => {
        event.preventDefault();
        void begin(event.currentTarget);
      }}
    >
      <label class="field">
        <span>{fields.product}</span>
        <select
          value={product.value}
          onChange={(event) => {
            product.value = event.currentTarget.value;
          }}
        >
          {(catalog.products.value ?? []).map(({ productId, name }) => (
            <option key={productId} value={productId} selected={String(productId) === product.value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {number('users', 1)}
      {number('rate', 1)}
      {number('units', 0, true)}
      <label class="field">
        <span>{fields.mode}</span>
        <select name="mode">
          {Object.entries(modes).map(([mode, name]) => (
            <option key={mode} value={mode} selected={mode === USUAL.mode}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>{OPS.forms.reason}</span>
        <input name="reason" required maxLength={500} defaultValue={OPS.crowd.reason} autocomplete="off" />
      </label>
      <p role="alert" class="bad">
        {trouble.value}
      </p>
      <p class="actions">
        <button
          type="submit"
          class="strong"
          aria-disabled={isRunning || isBusy.value || !may}
          title={may ? undefined : OPS.roles.needs('admin')}
        >
          {isRunning ? OPS.crowd.running : OPS.crowd.start}
        </button>
        {isRunning && (
          <ActButton session={session} needs="operator" onAct={() => void rush.stop()}>
            {OPS.crowd.stop}
          </ActButton>
        )}
      </p>
    </form>
  );
}
