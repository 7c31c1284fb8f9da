import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { NO_PROXY } from '../../lib/address.ts';
import { createAddressRules } from '../../lib/public-address.ts';
import type { OutgoingWebhook, WebhookAnswer, WebhookSender } from '../../ports/webhook-sender.ts';

export interface SenderOptions {
  /** From the look-up of the name to the answer's head. */
  readonly timeoutMs: number;
  /** Networks that a target may be in although they are not public, and that may be told without TLS. */
  readonly allowedNetworks: readonly string[];
  /** A certificate authority beside the system's own: for tests. */
  readonly ca?: string;
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

/** A name has a few addresses; one that has many is not meant for us. */
const ADDRESSES_MAX = 2;

/**
 * Tells targets over HTTP. The name is looked up here, each of its addresses is checked, and the connection goes to the very
 * address that was checked, with the name in `Host` and in TLS: a name that changes its address in between (DNS rebinding)
 * gains nothing. Each message has a connection of its own, because one that was made for another name must not be used again.
 */
export function openWebhookSender(options: SenderOptions): WebhookSender {
  const { timeoutMs, allowedNetworks, ca, resolve = addressesOf } = options;
  const rules = createAddressRules(allowedNetworks);
  const closing = new AbortController();

  async function send(message: OutgoingWebhook): Promise<WebhookAnswer> {
    const url = new URL(message.url);
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([timeout, closing.signal]);
    try {
      signal.throwIfAborted();
      const addresses = await Promise.race([resolve(hostOf(url)), aborted(signal)]);
      if (addresses.length === 0) return failed('its name has no address');
      for (const address of addresses) {
        const refusal = rules.refusal(address);
        if (refusal) return failed(`not allowed: ${refusal}`);
        if (url.protocol !== 'https:' && !rules.isAllowed(address)) {
          return failed(`not allowed: ${address} would be told without TLS`);
        }
      }
      return await sendTo(addresses.slice(0, ADDRESSES_MAX), url, message, signal);
    } catch (error) {
      if (timeout.aborted) return failed(`no answer within ${timeoutMs} ms`);
      return failed(reasonOf(error));
    }
  }

  /** The next address is tried only where nothing was sent to the one before. */
  async function sendTo(
    [address, ...others]: readonly string[],
    url: URL,
    message: OutgoingWebhook,
    signal: AbortSignal,
  ): Promise<WebhookAnswer> {
    try {
      return await post(address!, url, message, signal);
    } catch (error) {
      if (others.length === 0 || !NOT_CONNECTED.has(codeOf(error))) throw error;
      return sendTo(others, url, message, signal);
    }
  }

  async function post(address: string, url: URL, { headers, body }: OutgoingWebhook, signal: AbortSignal) {
    const pinned = new URL(url);
    pinned.hostname = isIP(address) === 6 ? `[${address}]` : address;
    const isName = isIP(hostOf(url)) === 0;
    const response = await fetch(pinned, {
      method: 'POST',
      headers: { ...headers, Host: url.host },
      body,
      redirect: 'manual',
      signal,
      keepalive: false,
      ...NO_PROXY,
      ...(url.protocol === 'https:' && {
        tls: { ...(isName && { serverName: hostOf(url) }), ...(ca && { ca }) },
      }),
    });
    // Nobody reads the body; its connection ends here, however much is still to come.
    void response.body?.cancel().catch(() => {});
    return {
      type: 'answered',
      status: response.status,
      retryAfterMs: secondsIn(response.headers.get('retry-after')),
    } as const;
  }

  return {
    send,
    async close() {
      closing.abort(new Error('the server stops'));
    },
  };
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );
}

function secondsIn(header: string | null): number | null {
  return header !== null && /^\d{1,6}$/.test(header) ? 1000 * Number(header) : null;
}

function failed(cause: string): WebhookAnswer {
  return { type: 'failed', cause };
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? '');
}

const NOT_CONNECTED: ReadonlySet<string> = new Set([
  'ConnectionRefused',
  'FailedToOpenSocket',
  'ECONNREFUSED',
]);

/** The address that we have put in the place of the name would only confuse, and so would a whole message of the runtime. */
function reasonOf(error: unknown): string {
  const code = codeOf(error);
  const known = REASONS[code];
  if (known) return known;
  return code || (error instanceof Error ? error.message.slice(0, 200) : 'it failed');
}

const REASONS: Readonly<Record<string, string>> = {
  ConnectionRefused: 'the connection was refused',
  ECONNREFUSED: 'the connection was refused',
  FailedToOpenSocket: 'no connection',
  ECONNRESET: 'the connection was cut',
  ConnectionClosed: 'the connection was cut',
  ENOTFOUND: 'its name has no address',
  DNS_ENOTFOUND: 'its name has no address',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name',
};
