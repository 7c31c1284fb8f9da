/** @jsxImportSource preact */
import { useSignal } from '@preact/signals';
import { OPS } from '../text.ts';
import type { Session } from './session.ts';

const NAME_MAX = 64;

/** Asks for the operators' token. `offered` is the server's own, for its user on the same machine. */
export function SignIn({ session, offered }: { session: Session; offered: string | null }) {
  const said = useSignal<string | null>(null);
  const isBusy = useSignal(false);

  async function signIn(token: string, name: string): Promise<void> {
    if (isBusy.value) return;
    isBusy.value = true;
    said.value = null;
    session.said.value = null;
    said.value = await session.signIn(token, name);
    isBusy.value = false;
  }

  return (
    <section class="narrow sign-in">
      <h1>{OPS.signIn.heading}</h1>
      <p class="quiet">{OPS.signIn.about}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const values = new FormData(event.currentTarget);
          void signIn(String(values.get('token')).trim(), String(values.get('operator')).trim());
        }}
      >
        <label class="field" for="token">
          <span>{OPS.signIn.token}</span>
        </label>
        <input id="token" name="token" type="password" required autocomplete="off" spellcheck={false} />
        <label class="field" for="operator">
          <span>
            {OPS.signIn.operator} <span class="quiet">{OPS.forms.optional}</span>
          </span>
        </label>
        <input
          id="operator"
          name="operator"
          maxLength={NAME_MAX}
          autocomplete="off"
          defaultValue={session.operator.value}
          aria-describedby="operator-about"
        />
        <p id="operator-about" class="quiet">
          {OPS.signIn.operatorAbout}
        </p>
        <p role="alert" class={said.value === null ? '' : 'bad'}>
          {said.value ?? session.said.value}
        </p>
        <p class="actions">
          <button type="submit" class="strong" aria-disabled={isBusy.value}>
            {OPS.signIn.button}
          </button>
          {offered !== null && (
            <button type="button" onClick={() => signIn(offered, '')}>
              {OPS.signIn.offered}
            </button>
          )}
        </p>
      </form>
    </section>
  );
}
