/** @jsxImportSource preact */
import type { ComponentChildren } from 'preact';

/** What may be wider than the window, scrolled by itself, also by the keyboard. */
export function ScrollArea({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without the focus no key would scroll it (WCAG 2.1.1)
    <section class="scroll" tabIndex={0} aria-label={name}>
      {children}
    </section>
  );
}
