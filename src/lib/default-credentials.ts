/** Passwords that documents show: RabbitMQ's own, PostgreSQL's habit, and this project's compose file for development. */
const KNOWN = ['guest', 'postgres', 'pulsecart'];

/**
 * Whether a backend's URL has no password, or one that anybody knows. A client certificate, a `.pgpass` file or a network that
 * authenticates is not seen here.
 */
export function usesDefaultCredentials(url: string): boolean {
  const [, inAddress = ''] = /^[a-z+]+:\/\/[^:/@]*:(.*)@/i.exec(url) ?? [];
  // PostgreSQL's client reads it from there, too.
  const [, inQuery = ''] = /^postgres/i.test(url) ? (/[?&]password=([^&]+)/.exec(url) ?? []) : [];
  const password = decoded(inAddress || inQuery);
  return password === '' || KNOWN.includes(password);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
