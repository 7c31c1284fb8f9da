import { type Signal, signal } from '@preact/signals';
import { mayDo, type Role } from '../../domain/operator.ts';
import { type Answer, type Call, call } from '../client/api.ts';
import { headerText } from '../client/header-text.ts';
import { OPS } from '../text.ts';

/** As `GET /api/v1/ops/me` answers. */
export interface Me {
  readonly name: string;
  readonly role: Role;
  /** The name is the token's. */
  readonly named: boolean;
}

/** Who is signed in, and every call made as them. The token is kept as long as the browser's tab, and nowhere else. */
export interface Session {
  /** Undefined before the browser has looked; null: nobody is signed in. */
  readonly token: Signal<string | null | undefined>;
  /** What the operator calls themselves in the log of operations. */
  readonly operator: Signal<string>;
  /** Who the server says is signed in; null until it has said so. */
  readonly me: Signal<Me | null>;
  /** Resolves when the server has told who is signed in, or could not. */
  identified(): Promise<void>;
  /** Whether who is signed in may do what needs this role. The server judges; before it has told the role, nothing is kept from anybody. */
  may(needed: Role): boolean;
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
const ME = '/api/v1/ops/me';

/** `offered` is the token that the server hands to its own user. */
export function createSession(offered: string | null): Session {
  const token = signal<string | null | undefined>(undefined);
  const operator = signal('');
  const me = signal<Me | null>(null);
  const said = signal<string | null>(null);
  let identifying = Promise.resolve();

  /** Without a name: that of the token is what is asked for. */
  const askWho = (given: string) => call<Me>(ME, { headers: { Authorization: `Bearer ${given}` } });

  async function identify(given: string): Promise<void> {
    const answer = await askWho(given);
    if (answer.ok && token.value === given) me.value = answer.body;
  }

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
    me.value = null;
    said.value = why ?? null;
    keep(TOKEN, null);
    keep(SIGNED_OUT, 'yes');
  }

  return {
    token,
    operator,
    me,
    identified: () => identifying,
    may: (needed) => me.value === null || mayDo(me.value.role, needed),
    said,
    headers,
    signOut,
    begin() {
      const given = tokenOfAddress();
      // A name that was said with another token may be another operator's.
      if (given !== null && given !== kept(TOKEN)) keep(OPERATOR, null);
      operator.value = kept(OPERATOR) ?? '';
      const ours = kept(SIGNED_OUT) === null ? offered : null;
      const found = given ?? kept(TOKEN) ?? ours;
      if (found === null) token.value = null;
      else {
        take(found);
        identifying = identify(found);
      }
    },
    async signIn(given, name) {
      const answer = await askWho(given);
      if (!answer.ok) return refusalOf(answer);
      // The token's own name is the only one that its bearer has.
      operator.value = answer.body.named ? '' : name;
      keep(OPERATOR, operator.value);
      take(given);
      me.value = answer.body;
      return null;
    },
    async ask<T>(path: string, what: Call = {}) {
      const asked = token.value;
      const answer = await call<T>(path, { ...what, headers: { ...headers(), ...what.headers } });
      if (answer.status === 401 && token.value === asked) signOut(OPS.signIn.refused);
      // The role has changed meanwhile.
      if (answer.status === 403 && typeof asked === 'string') void identify(asked);
      return answer;
    },
  };
}

function refusalOf({ status, message, retryAfterMs }: Answer<Me> & { readonly ok: false }): string {
  if (status === 401) return OPS.signIn.wrong;
  if (status === 403) return OPS.signIn.noRole;
  if (status === 429) return OPS.signIn.tooMany(Math.ceil((retryAfterMs ?? 0) / 1000));
  return OPS.signIn.trouble(message);
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
