/** What the pages use of Stripe.js, which comes from Stripe and is never kept here (docs.stripe.com/js). */
export interface StripeJs {
  elements(options: {
    readonly clientSecret: string;
    readonly appearance: Appearance;
    readonly locale: string;
  }): Elements;
  /** Confirms what the element has collected. It may leave the page for one of the bank, which leads back to `return_url`. */
  confirmPayment(options: {
    readonly elements: Elements;
    readonly confirmParams: { readonly return_url: string };
    readonly redirect: 'if_required';
  }): Promise<Confirmed>;
  /** Goes on where the bank wants to be asked. It may leave the page likewise. */
  handleNextAction(options: { readonly clientSecret: string }): Promise<Confirmed>;
}

export interface Elements {
  create(type: 'payment', options: { readonly wallets: { readonly link: 'never' } }): PaymentElement;
  update(options: { readonly appearance: Appearance }): void;
}

export interface PaymentElement {
  on(event: 'ready' | 'loaderror', listener: () => void): void;
  mount(place: HTMLElement): void;
  destroy(): void;
}

/** Colours and the like; Stripe's frame cannot read the style of the page around it. */
export interface Appearance {
  readonly theme: 'stripe' | 'night';
  readonly variables: Readonly<Record<string, string>>;
}

export interface Confirmed {
  readonly error?: { readonly type: string; readonly code?: string; readonly message?: string };
}

/** Each release of Stripe.js goes with one of the API: `endive` with 2026-09-30.endive, which the server speaks. */
const ADDRESS = 'https://js.stripe.com/endive/stripe.js';
/** On a bad connection the form is there by then, or will not come (ms). */
export const LOAD_MS = 20_000;

let loaded: Promise<StripeJs> | null = null;

/** Loads Stripe.js, once for the page. Rejects when it does not come; it can be tried again then. */
export function loadStripe(publishableKey: string): Promise<StripeJs> {
  loaded ??= load(publishableKey).catch((error) => {
    loaded = null;
    throw error;
  });
  return loaded;
}

function load(publishableKey: string): Promise<StripeJs> {
  allowScripts();
  const script = document.createElement('script');
  return new Promise<StripeJs>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ${ADDRESS} within ${LOAD_MS} ms`)), LOAD_MS);
    script.onload = () => {
      clearTimeout(late);
      if (page.Stripe) resolve(page.Stripe(publishableKey));
      else reject(new Error(`${ADDRESS} is not Stripe.js`));
    };
    script.onerror = () => {
      clearTimeout(late);
      reject(new Error(`${ADDRESS} did not load`));
    };
    script.src = ADDRESS;
    document.head.append(script);
  }).catch((error) => {
    script.remove();
    throw error;
  });
}

/** The browser's part of the page's policy: Stripe's scripts may load, and strings become neither HTML nor scripts. */
function allowScripts(): void {
  if (!page.trustedTypes || page.trustedTypes.defaultPolicy) return;
  page.trustedTypes.createPolicy('default', {
    createScriptURL: (address) => (/^https:\/\/([\w-]+\.)?js\.stripe\.com\//.test(address) ? address : null),
  });
}

let hasReturned = false;

/** Notes that the buyer comes from a page of the bank, and cleans the address, in which Stripe leaves the payment's secret. */
export function noteReturn(): void {
  if (!new URLSearchParams(location.search).has('payment_intent')) return;
  hasReturned = true;
  history.replaceState(history.state, '', location.pathname + location.hash);
}

/** Whether the buyer came back from a page of the bank, at the first call. What became of the payment is for the server to say. */
export function takeReturn(): boolean {
  const has = hasReturned;
  hasReturned = false;
  return has;
}

/** The parts of the window that Stripe.js brings, or TypeScript does not know. */
const page = globalThis as unknown as {
  readonly Stripe?: (publishableKey: string) => StripeJs;
  readonly trustedTypes?: {
    readonly defaultPolicy: unknown;
    createPolicy(
      name: string,
      rules: { readonly createScriptURL: (address: string) => string | null },
    ): unknown;
  };
};
