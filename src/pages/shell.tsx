/** @jsxImportSource preact */
import type { ReadonlySignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { Connection } from './client/live.ts';
import { SHELL } from './text.ts';

/** What every page has: the way to its content, the pages, and whether what it shows is live. */
export function Shell({
  current,
  development,
  connection,
  children,
}: {
  current: 'sales' | 'orders' | 'ops' | null;
  development: boolean;
  connection?: ReadonlySignal<Connection> | undefined;
  children: ComponentChildren;
}) {
  const here = (page: string) => (page === current ? ('page' as const) : undefined);
  return (
    <>
      <a class="skip" href="#main">
        {SHELL.skip}
      </a>
      <header class="top">
        <a class="brand" href="/">
          PulseCart
        </a>
        <nav aria-label={SHELL.navigation}>
          <a href="/" aria-current={here('sales')}>
            {SHELL.sales}
          </a>
          <a href="/orders" aria-current={here('orders')}>
            {SHELL.orders}
          </a>
          {(development || current === 'ops') && (
            <>
              <a href="/ops" aria-current={here('ops')}>
                {SHELL.operations}
              </a>
              <a class="wide" href="/docs">
                {SHELL.docs}
              </a>
            </>
          )}
        </nav>
        {connection && <Badge connection={connection} />}
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function Badge({ connection }: { connection: ReadonlySignal<Connection> }) {
  return (
    <p class={`badge ${connection.value}`} role="status">
      <span>{SHELL.connection[connection.value]}</span>
    </p>
  );
}
