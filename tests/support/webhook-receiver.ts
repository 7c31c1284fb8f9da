/** A shop's own server, which hears of orders. `using` ends it. */
export interface WebhookReceiver extends Disposable {
  /** Address of its path `/<name>`. */
  url(name: string): string;
  /** What came to a path, the first first. */
  heard(name: string): readonly Heard[];
  /** From now on; without it 204. A promise that never ends is a receiver that hangs. */
  answer: (heard: Heard) => Response | Promise<Response>;
}

export interface Heard {
  readonly name: string;
  readonly id: string;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies whose shape is what they check.
  readonly json: any;
}

export function openWebhookReceiver(): WebhookReceiver {
  const all: Heard[] = [];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 120,
    async fetch(req) {
      const text = await req.text();
      const heard = {
        name: new URL(req.url).pathname.slice(1),
        id: req.headers.get('webhook-id') ?? '',
        headers: req.headers,
        text,
        json: text === '' ? null : JSON.parse(text),
      };
      all.push(heard);
      return receiver.answer(heard);
    },
  });
  const receiver: WebhookReceiver = {
    url: (name) => `http://127.0.0.1:${server.port}/${name}`,
    heard: (name) => all.filter((one) => one.name === name),
    answer: () => new Response(null, { status: 204 }),
    [Symbol.dispose]: () => void server.stop(true),
  };
  return receiver;
}

/** Whether one of the signatures is of this secret, by a way of our own: the specification and WebCrypto. */
export async function isSignedBy(secret: string, { headers, text }: Heard): Promise<boolean> {
  const bytes = Uint8Array.fromBase64(secret.replace('whsec_', ''));
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'verify',
  ]);
  const signed = new TextEncoder().encode(
    [headers.get('webhook-id'), headers.get('webhook-timestamp'), text].join('.'),
  );
  for (const one of headers.get('webhook-signature')!.split(' ')) {
    const [version, signature] = one.split(',');
    if (version !== 'v1') continue;
    if (await crypto.subtle.verify('HMAC', key, Uint8Array.fromBase64(signature!), signed)) return true;
  }
  return false;
}
