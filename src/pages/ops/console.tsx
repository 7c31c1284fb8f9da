/** @jsxImportSource preact */
import { useLayoutEffect, useMemo } from 'preact/hooks';
import type { DataOf } from '../shapes.ts';
import { Shell } from '../shell.tsx';
import { OPS } from '../text.ts';
import { followAddress } from './route.ts';
import { createSession } from './session.ts';
import { SignIn } from './sign-in.tsx';
import { Workplace } from './workplace.tsx';

/** The operations console. The server draws what stands there before anybody is signed in. */
export function Console({ data }: { data: DataOf<'ops'> }) {
  const session = useMemo(() => createSession(data.token), [data]);
  // Before the page is painted: who goes on to a section at once must not take the token's place in the address.
  useLayoutEffect(() => {
    // The token first, which is no place of the console.
    session.begin();
    return followAddress();
  }, [session]);
  const token = session.token.value;
  return (
    <Shell current="ops" development={data.development}>
      {token === undefined && (
        <>
          <h1 class="unseen">{OPS.heading}</h1>
          <noscript>
            <p class="note">{OPS.noScript}</p>
          </noscript>
        </>
      )}
      {token === null && <SignIn session={session} offered={data.token} />}
      {typeof token === 'string' && <Workplace session={session} data={data} key={token} />}
    </Shell>
  );
}
