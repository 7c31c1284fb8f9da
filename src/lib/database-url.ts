/**
 * Several shops may share a database: each has a schema of its own, and whoever goes there by this URL finds that one alone.
 * PostgreSQL itself takes such options from a client that connects.
 */
export function inSchema(url: string, schema: string): string {
  const others = new URL(url).searchParams.get('options');
  const options = [others, `-c search_path="${schema}"`].filter(Boolean).join(' ');
  // Of two the last one counts.
  return `${url}${url.includes('?') ? '&' : '?'}options=${encodeURIComponent(options)}`;
}

/** The schema that a URL leads to; null where it is the server's own to say. */
export function schemaIn(url: string): string | null {
  const options = new URL(url).searchParams.getAll('options').at(-1) ?? '';
  return /search_path="([\w-]+)"$/.exec(options)?.[1] ?? null;
}

/** As it was before `inSchema`, for people. */
export function withoutSchema(url: string): string {
  return schemaIn(url) === null ? url : url.slice(0, url.lastIndexOf('options=') - 1);
}
