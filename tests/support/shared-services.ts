import {
  BACKEND_NAMES,
  type BackendName,
  type PrivateBackend,
} from '../../bench/services/private-backend.ts';
import {
  findPrivateBackends,
  missingPackages,
  startPrivateBackend,
} from '../../bench/services/private-backends.ts';
import { backendsChoice } from './backends-choice.ts';
import { installMissing } from './services/install.ts';

/**
 * Keeps one set of backends for a whole `npm test`. Its one line of output is the address where test files ask for a backend's
 * URL, by its name; the first question starts it. It ends with its stdin, and the backends with it.
 */
try {
  backendsChoice(process.env);
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
// Ctrl-C reaches every process of the terminal; this one still has something to put away.
process.on('SIGINT', () => {});

// Installing takes longer than a test may; whoever asks hears why it did not work out.
await installMissing(missingPackages());
await findPrivateBackends().catch(() => {});
const starting = new Map<BackendName, Promise<PrivateBackend>>();
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  // An answer takes as long as the backend takes to start.
  idleTimeout: 0,
  async fetch(request) {
    const asked = new URL(request.url).pathname.slice(1);
    const name = BACKEND_NAMES.find((one) => one === asked);
    if (!name) return new Response(`no backend is called "${asked}"`, { status: 404 });
    if (!starting.has(name)) starting.set(name, startPrivateBackend(name));
    try {
      return new Response((await starting.get(name)!).url);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return new Response(`${why} Tests do without under PULSECART_TEST_ENGINES=embedded.`, { status: 503 });
    }
  },
});
console.log(server.url.href);

for await (const _ of Bun.stdin.stream());
await server.stop(true);
await Promise.all(
  [...starting.values()].map((backend) => backend.then(({ close }) => close()).catch(() => {})),
);
