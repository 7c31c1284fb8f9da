import {
  findPrivateEngines,
  type PrivateEngines,
  startPrivateEngines,
} from '../../src/private-engines/engines.ts';
import { enginesChoice } from './engines-choice.ts';

/**
 * Keeps one set of engines for a whole `npm test`. Its one line of output is the address where test files ask for the
 * engines' URLs; the first question starts them. It ends with its stdin, and the engines with it.
 */
try {
  enginesChoice(process.env);
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
// Ctrl-C reaches every process of the terminal; this one still has something to put away.
process.on('SIGINT', () => {});

// Installing takes longer than a test may; whoever asks hears why it did not work out.
await findPrivateEngines().catch(() => {});
let starting = null as Promise<PrivateEngines> | null;
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  // An answer takes as long as the engines take to start.
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
