import { type Signal, signal } from '@preact/signals';
import { type Answer, type Call, call } from '../client/api.ts';
import { headerText } from '../client/header-text.ts';
import { OPS } from '../text.ts';

/** Who is signed in, and every call made as them. The token is kept as long as the browser's tab, and nowhere else. */
export interface Session {
  /** Undefined before the browser has looked; null: nobody is signed in. */
  readonly token: Signal<string | null | undefined>;
  /** What the operator calls themselves in the log of operations. */
  readonly operator: Signal<string>;
  /** Why nobody is signed in any more. */
  readonly said: Signal<string | null>;
  /** Takes the token of the address, of this tab, or of the server. */
  begin(): void;
  /** Returns what is wrong; null where the token was taken. */
  signIn(token: string, operator: string): Promise<string | null>;
  signOut(why?: string): void;
  /** Asks as the operator. A token that is refused signs out. */
  ask<T>(path: string, what?: Call): Promise<Answer<T>>;
  /** The same for what `call` cannot read, like a download. */
  headers(): Readonly<Record<string, string>>;
}

const TOKEN = 'pulsecart.operator-token';
const OPERATOR = 'pulsecart.operator';
const SIGNED_OUT = 'pulsecart.signed-out';
/** Nothing but reading it is done with it, so it tells whether a token will do. */
const PROOF = '/api/v1/ops/log?limit=1';

/** `offered` is the token that the server hands to its own user. */
export function createSession(offered: string | null): Session {
  const token = signal<string | null | undefined>(undefined);
  const operator = signal('');
  const said = signal<string | null>(null);

  function headers(): Record<string, string> {
    return {
      Authorization: `Bearer ${token.value}`,
      ...(operator.value !== '' && { 'X-Operator': headerText(operator.value) }),
    };
  }

  function take(given: string): void {
    token.value = given;
    said.value = null;
    keep(TOKEN, given);
    keep(SIGNED_OUT, null);
  }

  function signOut(why?: string): void {
    token.value = null;
    said.value = why ?? null;
    keep(TOKEN, null);
    keep(SIGNED_OUT, 'yes');
  }

  return {
    token,
    operator,
    said,
    headers,
    signOut,
    begin() {
      operator.value = kept(OPERATOR) ?? '';
      const given = tokenOfAddress();
      const ours = kept(SIGNED_OUT) === null ? offered : null;
      const found = given ?? kept(TOKEN) ?? ours;
      if (found === null) token.value = null;
      else take(found);
    },
    async signIn(given, name) {
      const answer = await call(PROOF, { headers: { Authorization: `Bearer ${given}` } });
      if (!answer.ok && answer.status === 401) return OPS.signIn.wrong;
      if (!answer.ok) return OPS.signIn.trouble(answer.message);
      operator.value = name;
      keep(OPERATOR, name);
      take(given);
      return null;
    },
    async ask<T>(path: string, what: Call = {}) {
      const asked = token.value;
      const answer = await call<T>(path, { ...what, headers: { ...headers(), ...what.headers } });
      if (answer.status === 401 && token.value === asked) signOut(OPS.signIn.refused);
      return answer;
    },
  };
}

/** The token of `#token=…`, which is taken out of the address, so that nobody copies it along. */
function tokenOfAddress(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given === null) return null;
  history.replaceState(null, '', location.pathname + location.search);
  return given === '' ? null : given;
}

function kept(name: string): string | null {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

/** A browser that keeps nothing asks for the token again with every page. */
function keep(name: string, value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, value);
  } catch {
    // It is known as long as the page.
  }
}
