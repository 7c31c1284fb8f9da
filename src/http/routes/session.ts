import Type from 'typebox';
import { SESSION_COOKIE } from '../buyers/open-buyers.ts';
import { isForeign } from '../buyers/same-origin.ts';
import { isoTime, json, problem } from '../respond.ts';
import { jsonAnswer, type Route, routesOf } from '../route.ts';
import { shape, Timestamp } from '../schemas.ts';
import type { Service } from '../service.ts';
import { NOT_STORED } from './inputs.ts';

const SessionAnswer = shape(
  'Session',
  'The cookie has it too; `token` is for programs, as `Authorization: Bearer <token>`.',
  {
    customer: Type.String({ description: "A guest's begins with `guest:`" }),
    guest: Type.Boolean(),
    token: Type.String(),
    expiresAt: Timestamp,
  },
);

const ADA = {
  customer: 'ada',
  guest: false,
  token: 'v1~mje0k2o0~cada~8mI9nXg2u6k4K6G7xw0lq2pR1d3YyH5n0Q9bTz4sVfE',
  expiresAt: '2026-11-23T04:20:14.796Z',
};

const route = routesOf('orders', 'problem');

/** Sessions of buyers. */
export function createSessionRoutes({ buyers, clock, corsOrigins = [] }: Service): Route[] {
  async function start(req: Request, server: Bun.Server<unknown>): Promise<Response> {
    const { sessions } = buyers;
    if (sessions === null) return notHere(req);
    const hasToken = req.headers.has('authorization');
    const isForeignGuest = !hasToken && isForeign(req);
    // Another site must not change who a browser is here. A page of an origin that is named gets a session without the cookie.
    if (isForeignGuest && !corsOrigins.includes(req.headers.get('origin') ?? '')) return crossSite(req);
    const known = hasToken
      ? await buyers.identify(req, server, problem)
      : isForeignGuest
        ? null
        : sessions.inCookie(req);
    if (known instanceof Response) return known;
    if (known !== null && known.kind !== 'customer') {
      return problem(req, 'invalid_request', 'An operator is no buyer and needs no session');
    }
    const session = sessions.start(known);
    if (session === null) {
      const says = 'Buyers sign in at the shop, whose token is exchanged for a session: there are no guests';
      return problem(req, 'unauthorized', says, { headers: { 'WWW-Authenticate': 'Bearer' } });
    }
    const { customer, isGuest, token, expiresAtMs } = session;
    const body = { customer, guest: isGuest, token, expiresAt: isoTime(expiresAtMs) };
    const lastsS = Math.floor((expiresAtMs - clock()) / 1000);
    if (isForeignGuest) return json(body, 200, NOT_STORED);
    return json(body, 200, { ...NOT_STORED, 'Set-Cookie': cookie(req, token, lastsS) });
  }

  function end(req: Request): Response {
    if (buyers.sessions === null) return notHere(req);
    if (isForeign(req)) return crossSite(req);
    return new Response(null, { status: 204, headers: { ...NOT_STORED, 'Set-Cookie': cookie(req, '', 0) } });
  }

  return [
    route('POST /api/v1/session', {
      id: 'startSession',
      summary: 'Start session',
      description:
        'Where buyers are known (`PULSECART_AUTH_…`), a token of the shop is exchanged for a session, which is cheaper to check and ' +
        'which a browser keeps in a cookie that scripts cannot read. Without a token it is a new guest, or the guest of the cookie again. ' +
        'The shop sends the token as `Authorization: Bearer <token>`.',
      answers: {
        200: jsonAnswer('The session', SessionAnswer, { ada: ADA }),
        401: '`unauthorized`: the token proves nothing, or there is none where there are no guests',
        403: '`cross_site`: a page of another site asks, and PULSECART_CORS_ORIGINS does not name its origin',
        404: '`not_found`: buyers are not known here',
        503: "`unavailable`: the issuer's keys cannot be read now",
      },
      handle: start,
    }),
    route('DELETE /api/v1/session', {
      id: 'endSession',
      summary: 'End session',
      description: 'Takes the cookie away. A session that was copied before lasts until its end.',
      answers: {
        204: { description: 'The cookie is gone', content: {} },
        403: '`cross_site`: a page of another site asks',
        404: '`not_found`: buyers are not known here',
      },
      handle: end,
    }),
  ];
}

function notHere(req: Request): Response {
  return problem(req, 'not_found', 'Buyers are not identified on this server, so there are no sessions');
}

function crossSite(req: Request): Response {
  return problem(req, 'cross_site', 'Only pages of this server start or end its sessions');
}

/** A browser that came by HTTPS says so in `Origin`; what does not come back by plain HTTP is `Secure`. */
function cookie(req: Request, token: string, lastsS: number): string {
  const secure = req.headers.get('origin')?.startsWith('https:') ? '; Secure' : '';
  return `${SESSION_COOKIE}=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${lastsS}${secure}`;
}
