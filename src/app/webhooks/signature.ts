import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/**
 * The headers of a message in the format of Standard Webhooks (https://www.standardwebhooks.com): who knows one of the secrets
 * can tell that the message is from here, is whole, and is not an old one that somebody has kept. Each secret signs, so that a
 * receiver with the old or the new one of them is content while secrets change.
 */
export function signedHeaders(
  secrets: readonly string[],
  id: string,
  nowMs: number,
  body: string,
): Readonly<Record<string, string>> {
  const timestamp = Math.floor(nowMs / 1000);
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return {
    'content-type': 'application/json',
    'user-agent': 'PulseCart-Webhooks',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}
