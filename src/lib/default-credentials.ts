/** User and password in one: RabbitMQ's own, PostgreSQL's habit, and this project's compose file for development. */
const KNOWN = ['guest', 'postgres', 'pulsecart'];

/**
 * Whether a backend's URL has no password, or the one of a user that anybody knows. A client certificate, a `.pgpass` file or
 * a network that authenticates is not seen here.
 */
export function usesDefaultCredentials(url: string): boolean {
  const [, user, password] = /^[a-z+]+:\/\/([^:/@]*)(?::(.*))?@/i.exec(url) ?? [];
  const given = password || /[?&]password=([^&]+)/.exec(url)?.[1];
  return !given || (given === user && KNOWN.includes(given));
}
