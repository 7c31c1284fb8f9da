import { inTime } from '../probe.ts';
import { failure, requestIdOf, text } from '../respond.ts';
import { type Route, routesOf, textAnswer } from '../route.ts';
import type { Service } from '../service.ts';

const NAMES = { sync: 'Sync Purchase Service', async: 'Async Purchase Service' } as const;

/** Whether one way to buy can serve, in a sentence for people; what the backend said is for the log. `needs` says what `ping` asks. */
export function serviceHealthRoute(
  way: keyof typeof NAMES,
  needs: string,
  ping: () => Promise<unknown>,
  service: Service,
): Route {
  const name = NAMES[way];
  return routesOf(way, 'error')(`GET /api/v1/${way}/health`, {
    id: `${way}Health`,
    summary: `Check ${way} health`,
    description: `Whether the ${way} way to buy can serve, in a sentence.`,
    answers: { 200: textAnswer('It can', `${name} is running`), 503: '`unavailable`' },
    async handle(req) {
      try {
        if (!service.isReady()) throw new Error('it is shutting down');
        await inTime(ping());
        return text(`${name} is running`);
      } catch (error) {
        service.log.warn(
          { requestId: requestIdOf(req), reason: (error as Error).message },
          `${name} cannot serve`,
        );
        const why = service.isReady() ? `${needs} cannot be used now` : 'it is shutting down';
        return failure(req, 'unavailable', `${name} cannot serve: ${why}`);
      }
    },
  });
}
