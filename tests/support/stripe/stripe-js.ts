import type { BrowserContext, Route } from 'playwright-core';
import type { StripeStandIn } from './stand-in.ts';

/**
 * What comes from Stripe's hosts to a browser, of the stand-in: Stripe.js with the part of it that the pages use, the frame that a buyer
 * enters a card in (the name of a test card, `pm_card_visa`), and the page of a bank. Stripe.js may call Stripe's API alone, as the policy
 * of a page has it.
 */
export async function serveStripeJs(context: BrowserContext, standIn: StripeStandIn): Promise<void> {
  const html = (route: Route, body: string) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<!doctype html><html lang="en"><title>Stripe</title>${body}</html>`,
    });
  const serve = (pattern: string, answer: (route: Route, url: URL) => Promise<void>) =>
    context.route(pattern, (route, request) => answer(route, new URL(request.url())));

  await serve('https://js.stripe.com/endive/stripe.js', (route) =>
    route.fulfill({ contentType: 'text/javascript', body: `(${stripeJs})()` }),
  );
  await serve('https://js.stripe.com/endive/card.html', (route) =>
    html(
      route,
      '<main><label>Card <input id="card"></label></main><script>document.querySelector("input").oninput = ({ target }) => parent.postMessage(target.value, "*")</script>',
    ),
  );
  await serve('https://api.stripe.com/pay', async (route) => {
    const { clientSecret, card, returnUrl } = route.request().postDataJSON();
    await route.fulfill({
      headers: { 'Access-Control-Allow-Origin': '*' },
      json: standIn.buyer.pay(clientSecret, card, { returnUrl }),
    });
  });
  const returnUrls = new Map<string, string>();
  await serve('https://hooks.stripe.com/3d_secure/*', (route, url) => {
    const { next_action } = standIn.company.intents.get(idIn(url))!;
    returnUrls.set(idIn(url), next_action!.redirect_to_url!.return_url!);
    return html(
      route,
      '<main><h1>Your bank</h1><a href="?passed">Yes, it is me</a> <a href="?failed">No</a></main>',
    );
  });
  await serve('https://hooks.stripe.com/3d_secure/*\\?*', (route, url) => {
    const id = idIn(url);
    const { client_secret } = standIn.company.intents.get(id)!;
    const isPassed = url.search === '?passed';
    standIn.buyer.authenticate(id, isPassed);
    const back = new URL(returnUrls.get(id)!);
    back.searchParams.set('payment_intent', id);
    back.searchParams.set('payment_intent_client_secret', client_secret!);
    back.searchParams.set('redirect_status', isPassed ? 'succeeded' : 'failed');
    return html(route, `<meta http-equiv="refresh" content="0;url=${back.href.replaceAll('&', '&amp;')}">`);
  });
}

const idIn = (url: URL) => url.pathname.split('/').at(-1)!;

/** Runs in the browser: nothing from around it is there. */
function stripeJs(): void {
  const window = globalThis as unknown as Record<string, unknown>;
  /** Leaves the page for good, as Stripe.js does. */
  const leaveFor = (address: string): Promise<never> => {
    location.assign(address);
    return new Promise(() => {});
  };
  window.Stripe = (publishableKey: string) => {
    if (!publishableKey.startsWith('pk_test_')) throw new Error(`No key for tests: ${publishableKey}`);
    return {
      elements({ clientSecret, appearance }: { clientSecret: string; appearance: object }) {
        let card = '';
        let frame: HTMLIFrameElement | undefined;
        const enter = ({ source, data }: MessageEvent) => {
          if (source === frame?.contentWindow) card = data;
        };
        window.appearance = appearance;
        return {
          entered: () => ({ clientSecret, card }),
          update: (options: { appearance: object }) => {
            window.appearance = options.appearance;
          },
          create(type: string) {
            if (type !== 'payment') throw new Error(`No element ${type}`);
            const listeners: Record<string, () => void> = {};
            return {
              on: (event: string, listener: () => void) => {
                listeners[event] = listener;
              },
              mount(place: HTMLElement) {
                addEventListener('message', enter);
                frame = document.createElement('iframe');
                frame.title = 'Secure payment input frame';
                frame.style.width = '100%';
                frame.style.height = '200px';
                frame.style.border = '0';
                frame.onload = () => listeners.ready?.();
                frame.src = 'https://js.stripe.com/endive/card.html';
                place.append(frame);
              },
              destroy() {
                removeEventListener('message', enter);
                frame?.remove();
              },
            };
          },
        };
      },
      async confirmPayment({
        elements,
        confirmParams,
      }: {
        elements: { entered(): { clientSecret: string; card: string } };
        confirmParams: { return_url: string };
      }) {
        const entered = elements.entered();
        if (entered.card === '') return { error: { type: 'validation_error', message: 'No card.' } };
        const body = JSON.stringify({ ...entered, returnUrl: confirmParams.return_url });
        const result = await (await fetch('https://api.stripe.com/pay', { method: 'POST', body })).json();
        const next = result.paymentIntent?.next_action?.redirect_to_url?.url;
        return next ? leaveFor(next) : result;
      },
      handleNextAction: ({ clientSecret }: { clientSecret: string }) =>
        leaveFor(`https://hooks.stripe.com/3d_secure/${clientSecret.split('_secret_')[0]}`),
    };
  };
}
