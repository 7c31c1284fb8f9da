/** Conditional requests (RFC 9110, 13.1). */

/** `W/"..."` or `"..."`; what stands between the quotes is an etagc (RFC 9110, 8.8.3). */
const TAG = /\s*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)/y;

interface Tag {
  readonly isWeak: boolean;
  /** With its quotes. */
  readonly opaque: string;
}

/**
 * Whether the caller has what would be answered: `If-None-Match` names its tag, among others or as `*`. Weak tags are as good
 * here, so that a proxy may have made it one (nginx does where it compresses).
 */
export function hasAlready(req: Request, etag: string): boolean {
  const header = req.headers.get('if-none-match');
  if (header === null) return false;
  if (header.trim() === '*') return true;
  const opaque = etag.replace(/^W\//, '');
  return (tagsIn(header) ?? []).some((tag) => tag.opaque === opaque);
}

/** The tags of a list; null for what is no list of tags. */
export function tagsIn(header: string): readonly Tag[] | null {
  const tags: Tag[] = [];
  for (TAG.lastIndex = 0; TAG.lastIndex < header.length; ) {
    const [, weak, opaque] = TAG.exec(header) ?? [];
    if (opaque === undefined) return null;
    tags.push({ isWeak: weak !== undefined, opaque });
  }
  return tags.length > 0 ? tags : null;
}
