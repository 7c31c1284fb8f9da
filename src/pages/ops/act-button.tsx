/** @jsxImportSource preact */
import type { ComponentChildren } from 'preact';
import type { Role } from '../../domain/operator.ts';
import { OPS } from '../text.ts';
import type { Session } from './session.ts';

/** A button for what only some operators may do: to others it is grey, and says which role it needs. */
export function ActButton({
  session,
  needs,
  kind = '',
  onAct,
  children,
}: {
  session: Session;
  needs: Role;
  kind?: 'strong' | 'small' | '';
  onAct: () => void;
  children: ComponentChildren;
}) {
  const may = session.may(needs);
  return (
    <button
      type="button"
      class={kind}
      aria-disabled={!may}
      title={may ? undefined : OPS.roles.needs(needs)}
      onClick={() => may && onAct()}
    >
      {children}
    </button>
  );
}
