import { type PrivateEngines, startPrivateEngines } from '../../src/private-engines/engines.ts';

/**
 * Keeps one set of engines for a whole `npm test`: `bun engine-house.ts`. It writes the address where test files ask for
 * their URLs as its first line, starts the engines when the first one asks, and ends with its stdin.
 */
let starting: Promise<PrivateEngines> | null = null;

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  // The first answer takes as long as the engines do, which may have to be installed first.
  idleTimeout: 0,
  async fetch() {
    starting ??= startPrivateEngines();
    try {
      return Response.json((await starting).env);
    } catch (error) {
      return new Response(error instanceof Error ? error.message : String(error), { status: 503 });
    }
  },
});
console.log(server.url.href);

for await (const _ of Bun.stdin.stream());
await server.stop(true);
const engines = await starting?.catch(() => null);
await engines?.close();
