/** What an operator may do, the least first; each may do what those before it may. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export function isRole(text: unknown): text is Role {
  return ROLES.some((role) => role === text);
}

/** Whether who has `role` may do what needs `needed`. */
export function mayDo(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** An operator, as a token says. */
export interface Operator {
  readonly role: Role;
  /** 1–64 characters. Null: several hold the token, and each call says who makes it. */
  readonly name: string | null;
}

/** What no operator may be called: the log has the service itself under that name. */
export function isSystem(name: string): boolean {
  return name.toLowerCase() === 'system';
}
