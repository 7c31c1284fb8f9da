import http from 'k6/http';
import { setTimeout } from 'k6/timers';
import { settings } from './settings.js';

/** A buyer who got no answer at all tries again after this long: thousands at once would only keep a server down. */
const UNANSWERED_PAUSE_MS = 1000;

/**
 * An operator's call where there is a token, and everybody's otherwise.
 * @param {'GET' | 'POST' | 'PUT'} method
 * @param {string} path
 * @param {string} [name]
 * @param {object} [body]
 */
export function call(method, path, name = 'check', body) {
  const { baseUrl, operatorToken } = settings;
  /** @type {Record<string, string>} */
  const headers = operatorToken ? { Authorization: `Bearer ${operatorToken}`, 'X-Operator': 'k6' } : {};
  if (body) headers['Content-Type'] = 'application/json';
  return http.asyncRequest(method, baseUrl + path, body ? JSON.stringify(body) : null, {
    headers,
    tags: { name },
    // An audit may take two minutes.
    timeout: '130s',
  });
}

/**
 * The answer's JSON, or null where there is none.
 * @param {{ body: unknown }} response
 * @returns {Record<string, any> | null}
 */
export function bodyOf({ body }) {
  if (typeof body !== 'string') return null;
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/**
 * @param {number} ms
 * @param {boolean} [unanswered]
 * @returns {Promise<void>}
 */
export function pause(ms, unanswered = false) {
  const pauseMs = unanswered ? Math.max(ms, UNANSWERED_PAUSE_MS) : ms;
  return pauseMs === 0
    ? Promise.resolve()
    : new Promise((resolve) => {
        setTimeout(resolve, pauseMs);
      });
}

/**
 * What the server answered, in one line.
 * @param {{ status: number, body: unknown, error: string }} response
 */
export function told(response) {
  const { message } = bodyOf(response) || {};
  return response.status === 0
    ? `nothing answers at ${settings.baseUrl} (${response.error})`
    : `the server answered ${response.status}${message ? `, "${message}"` : ''}`;
}
