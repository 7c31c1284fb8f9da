import type { Fault } from './faults.ts';
import type { StripeStandIn } from './stand-in.ts';
import type { DeliveryRule } from './webhooks.ts';

/** The same as the functions of a stand-in, over HTTP with JSON: for a browser, and for tests in another process. */
export interface Control extends AsyncDisposable {
  readonly url: string;
}

type Body = Readonly<Record<string, unknown>>;

export function openControl(standIn: StripeStandIn): Control {
  const actions: Readonly<Record<string, (body: Body) => unknown>> = {
    '/faults': (body) => standIn.faults.add(body as unknown as Fault),
    '/faults/clear': () => standIn.faults.clear(),
    '/outage': ({ isOut }) => standIn.setOutage(isOut === true),
    '/advance': ({ ms }) => standIn.advance(Number(ms)),
    '/webhooks/connect': ({ url, secret }) => standIn.webhooks.connect(String(url), String(secret)),
    '/webhooks/rules': (body) => standIn.webhooks.add(body as unknown as DeliveryRule),
    '/webhooks/clear': () => standIn.webhooks.clear(),
    '/webhooks/release': ({ reversed }) => standIn.webhooks.release({ reversed: reversed === true }),
    '/pay': ({ clientSecret, paymentMethod, returnUrl }) =>
      standIn.buyer.pay(String(clientSecret), String(paymentMethod), {
        ...(returnUrl ? { returnUrl: String(returnUrl) } : {}),
      }),
    '/confirmation-tokens': ({ paymentMethod }) =>
      standIn.buyer.createConfirmationToken(String(paymentMethod)),
    '/authenticate': ({ intentId, isPassed }) =>
      standIn.buyer.authenticate(String(intentId), isPassed === true),
    '/disputes': ({ chargeId }) => standIn.disputes.open(String(chargeId)),
    '/disputes/close': ({ disputeId, status }) =>
      standIn.disputes.close(String(disputeId), status === 'won' ? 'won' : 'lost'),
    '/money': ({ currency }) => standIn.money(String(currency)),
  };
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(req) {
      // Pages of a shop call it from their own origin.
      const headers = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'Content-Type' };
      if (req.method === 'OPTIONS') return new Response(null, { status: 204, headers });
      const action = actions[new URL(req.url).pathname];
      if (!action || req.method !== 'POST')
        return new Response('POST one of ' + Object.keys(actions).join(' '), { status: 404 });
      try {
        const result = await action(await req.json());
        return Response.json(result ?? null, { headers });
      } catch (error) {
        return Response.json({ message: String(error) }, { status: 400, headers });
      }
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) };
}
