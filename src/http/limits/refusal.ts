import { failure, problem } from '../respond.ts';
import type { Failure } from '../route.ts';
import type { Rate, RateName } from './rates.ts';

/**
 * The answer to who is over a limit: 429 with the exact time to wait. All of one crowd are sent away by their own limits, so nobody has
 * to be spread. The fields are those of draft-ietf-httpapi-ratelimit-headers-09: quota, window, what is left, and for how long.
 */
export function overLimit(req: Request, rate: Rate, waitUs: number, failureOf: Failure): Response {
  const seconds = Math.max(1, Math.ceil(waitUs / 1e6));
  const headers = { 'Retry-After': String(seconds), ...rateFields(rate, 0, seconds) };
  const refuse = failureOf === 'problem' || failureOf === 'explained' ? problem : failure;
  return refuse(req, 'too_many_requests', `${SAYS[rate.name]}; try again in ${seconds} s`, { headers });
}

export function rateFields({ name, quota }: Rate, left: number, seconds: number): Record<string, string> {
  return {
    'RateLimit-Policy': `"${name}";q=${quota.requests};w=${quota.windowS}`,
    RateLimit: `"${name}";r=${left};t=${seconds}`,
  };
}

/** The answer with these fields. Answers share their headers, so they go on a copy. */
export function withFields(answer: Response, fields: Readonly<Record<string, string>>): Response {
  const headers = new Headers(answer.headers);
  for (const [name, value] of Object.entries(fields)) headers.set(name, value);
  return new Response(answer.body, { status: answer.status, headers });
}

const SAYS: Readonly<Record<RateName, string>> = {
  'purchase-address': 'Too many purchases from this address',
  'purchase-customer': 'Too many purchases of this customer, or calls to pay one',
  'purchase-product': 'Too many attempts of this customer to buy this product',
  'cancel-product': 'This customer has bought this product and cancelled too often',
  'read-address': 'Too many requests from this address',
  'stream-address': 'Too many streams opened from this address',
  'operator-address': "Too many operators' calls from this address",
  'sign-in-address': 'Too many wrong operator tokens from this address',
};
