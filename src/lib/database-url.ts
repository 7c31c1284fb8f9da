/**
 * Several shops may share a database, each in a schema of its own; a client that connects with this URL sees only that
 * schema. PostgreSQL takes such options from the connecting client.
 */
export function inSchema(url: string, schema: string): string {
  const others = new URL(url).searchParams.get('options');
  const options = [others, `-c search_path="${schema}"`].filter(Boolean).join(' ');
  // The last of two wins.
  return `${url}${url.includes('?') ? '&' : '?'}options=${encodeURIComponent(options)}`;
}

/** The schema that a URL names; null: the server's default. */
export function schemaIn(url: string): string | null {
  const options = new URL(url).searchParams.getAll('options').at(-1) ?? '';
  return /search_path="([\w-]+)"$/.exec(options)?.[1] ?? null;
}

/** The URL as it was before `inSchema`, for display. */
export function withoutSchema(url: string): string {
  return schemaIn(url) === null ? url : url.slice(0, url.lastIndexOf('options=') - 1);
}
