import { type ReadonlySignal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { type Answer, call } from '../client/api.ts';
import type { Live } from '../client/live.ts';
import { pause } from '../client/purchase.ts';
import {
  type Appearance,
  type Confirmed,
  type Elements,
  LOAD_MS,
  loadStripe,
  type PaymentElement,
  type StripeJs,
  takeReturn,
} from '../client/stripe.ts';
import type { OpenPayment, Order } from '../shapes.ts';
import { PAY } from '../text.ts';

export type Stage =
  /** Before the script runs. */
  | 'drawn'
  | 'loading'
  /** The buyer can enter and send. */
  | 'ready'
  | 'paying'
  /** The buyer has done everything. */
  | 'settling'
  /** The form is not there; the buyer may ask for it again. */
  | 'stuck'
  /** The server charges this order by itself. */
  | 'not_needed';

export interface PayableOrder {
  readonly stage: ReadonlySignal<Stage>;
  /** What the server last said of the payment. */
  readonly payment: ReadonlySignal<OpenPayment | null>;
  /** What went wrong; null: nothing did. */
  readonly trouble: ReadonlySignal<string | null>;
  /** Until the hold runs out (ms); null: not known yet. */
  readonly leftMs: number | null;
  /** Sends what was entered. */
  pay(): Promise<void>;
  /** Goes on at the bank with what was sent before. */
  goOn(): Promise<void>;
  /** Asks for the payment and its form again. */
  again(): void;
}

interface Form {
  readonly clientSecret: string;
  readonly stripe: StripeJs;
  readonly elements: Elements;
  readonly element: PaymentElement;
}

/** The server may have to ask the payment company first. */
const ASK_TIMEOUT_MS = 15_000;
/** In a rush the company turns calls away for some seconds; then the buyer is asked. */
const ASK_TRIES_MAX = 4;
const ASK_PAUSE_MS = 500;

/**
 * The payment of an unpaid order, by Stripe's form in `place`. What Stripe.js says is a hint: the server says what became of the payment,
 * and hears by being asked that the buyer has paid. The form goes when the hold has run out.
 */
export function usePayment(order: Order, place: RefObject<HTMLElement | null>, live: Live): PayableOrder {
  const { orderId } = order;
  const stage = useSignal<Stage>('drawn');
  const payment = useSignal<OpenPayment | null>(null);
  const trouble = useSignal<string | null>(null);
  const form = useRef<Form | null>(null);
  const isGone = useRef(false);

  const endsAt = order.expiresAt ?? payment.value?.holdEndsAt;
  const leftMs = endsAt === undefined ? null : Date.parse(endsAt) - live.second.value;
  const isOver = leftMs !== null && leftMs <= 0 && stage.value !== 'paying';

  // An attempt that is over leaves the order reserved, and the next one has another secret.
  const isReserved = order.status === 'reserved';
  useEffect(() => {
    if (isReserved || stage.value === 'drawn') void ask(takeReturn() ? PAY.notConfirmed : null);
  }, [isReserved]);
  useEffect(() => {
    if (isOver) removeForm();
  }, [isOver]);
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const repaint = () => form.current?.elements.update({ appearance: appearanceOf(place.current!) });
    dark.addEventListener('change', repaint);
    // Back from the bank by the browser's button, to the page as it was left: it may wait for an answer that will not come.
    const comeBack = (event: PageTransitionEvent) => event.persisted && void ask();
    addEventListener('pageshow', comeBack);
    return () => {
      isGone.current = true;
      removeEventListener('pageshow', comeBack);
      dark.removeEventListener('change', repaint);
      removeForm();
    };
  }, []);

  function removeForm(): void {
    form.current?.element.destroy();
    form.current = null;
  }

  function stick(says: string): void {
    removeForm();
    trouble.value = says;
    stage.value = 'stuck';
  }

  /** `why`: what to say when the payment turns out to be open still. */
  async function ask(why: string | null = null): Promise<void> {
    const before = stage.value;
    if (before === 'drawn') stage.value = 'loading';
    const answer = await askServer();
    if (isGone.current) return;
    if (!answer.ok) {
      if (answer.code === 'payment_not_needed') stage.value = 'not_needed';
      // The order is followed all the same, and says it when it is paid.
      else if (before !== 'settling') stick(before === 'paying' ? PAY.unclear : PAY.trouble(answer.message));
      return;
    }
    payment.value = answer.body;
    const { status, clientSecret } = answer.body;
    if (status !== 'open' && status !== 'action') {
      removeForm();
      stage.value = 'settling';
      return;
    }
    if (status === 'open') trouble.value = why;
    if (form.current?.clientSecret === clientSecret) stage.value = 'ready';
    else await showForm(answer.body);
  }

  async function askServer(): Promise<Answer<OpenPayment>> {
    for (let tries = 1; ; tries++) {
      const answer = await call<OpenPayment>(`/api/v1/orders/${orderId}/payment`, {
        method: 'POST',
        timeoutMs: ASK_TIMEOUT_MS,
      });
      const mayCome = !answer.ok && (answer.status === 0 || answer.status === 429 || answer.status >= 500);
      if (!mayCome || tries === ASK_TRIES_MAX || isGone.current) return answer;
      await pause(answer.retryAfterMs ?? ASK_PAUSE_MS * 2 ** (tries - 1));
    }
  }

  async function showForm({ clientSecret, publishableKey }: OpenPayment): Promise<void> {
    removeForm();
    stage.value = 'loading';
    try {
      const stripe = await loadStripe(publishableKey);
      if (isGone.current || !place.current) return;
      const elements = stripe.elements({
        clientSecret,
        appearance: appearanceOf(place.current),
        locale: 'en',
      });
      // Link would want more hosts in the page's policy.
      const element = elements.create('payment', { wallets: { link: 'never' } });
      form.current = { clientSecret, stripe, elements, element };
      const isCurrent = () => form.current?.element === element;
      const late = setTimeout(() => isCurrent() && stick(PAY.blocked), LOAD_MS);
      element.on('ready', () => {
        clearTimeout(late);
        if (isCurrent()) stage.value = 'ready';
      });
      element.on('loaderror', () => {
        clearTimeout(late);
        if (isCurrent()) stick(PAY.blocked);
      });
      element.mount(place.current);
    } catch {
      if (!isGone.current) stick(PAY.blocked);
    }
  }

  async function confirm(send: (form: Form) => Promise<Confirmed>): Promise<void> {
    if (stage.value !== 'ready' || !form.current) return;
    stage.value = 'paying';
    trouble.value = null;
    const { error } = await send(form.current).catch((): Confirmed => ({ error: { type: 'no_answer' } }));
    if (isGone.current) return;
    // The form says by itself what is not filled in.
    if (error?.type === 'validation_error') {
      stage.value = 'ready';
      return;
    }
    if (!error) stage.value = 'settling';
    await ask(error ? refusalIn(error) : null);
  }

  return {
    stage,
    payment,
    trouble,
    leftMs,
    pay: () =>
      confirm(({ stripe, elements }) =>
        stripe.confirmPayment({
          elements,
          confirmParams: { return_url: `${location.origin}/o/${orderId}` },
          redirect: 'if_required',
        }),
      ),
    goOn: () => confirm(({ stripe, clientSecret }) => stripe.handleNextAction({ clientSecret })),
    again() {
      trouble.value = null;
      stage.value = 'loading';
      void ask();
    },
  };
}

/** Why the bank refused, in the words that Stripe has for buyers. */
function refusalIn({ type, code, message }: NonNullable<Confirmed['error']>): string {
  const isForBuyers = type === 'card_error' || code === 'payment_intent_authentication_failure';
  return isForBuyers && message ? PAY.declined(message) : PAY.notConfirmed;
}

/** The page's tokens as colours, which Stripe's frame understands. */
function appearanceOf(place: HTMLElement): Appearance {
  const colour = (token: string) => {
    place.style.color = `var(${token})`;
    return getComputedStyle(place).color;
  };
  const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
  const variables = {
    colorText: colour('--ink'),
    colorTextSecondary: colour('--quiet'),
    colorBackground: colour('--paper'),
    colorPrimary: colour('--link'),
    colorDanger: colour('--bad'),
    borderRadius: '8px',
    fontFamily: 'system-ui, sans-serif',
    fontSizeBase: '16px',
  };
  place.style.color = '';
  return { theme: isDark ? 'night' : 'stripe', variables };
}
