/**
 * The last look at a text before it leaves the process, for secrets that somebody else has put into it: an address in a client's
 * error, a header in a backend's answer. Nothing of ours writes them there, and this does not make it right to.
 */
export type Scrub = (text: string) => string;

/** A shorter one could be a word of every line. */
const SECRET_CHARS_MIN = 12;
const MASK = '***';

/** What looks like a secret. The parts are bounded, so that a long text costs no more than its length. */
const SHAPES: readonly (readonly [mark: string, shape: RegExp, instead: string])[] = [
  ['://', /([a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/@"\\]{0,100}):[^\s"\\]{1,500}@/gi, `$1:${MASK}@`],
  ['=', /([?&][\w.-]{0,40}(?:password|passwd|secret|token|credential|signature)=)[^&\s"\\]+/gi, `$1${MASK}`],
  ['earer ', /\b(bearer) +[\w.~+/=-]{16,}/gi, `$1 ${MASK}`],
  ['asic ', /\b(basic) +[\w+/=-]{16,}/gi, `$1 ${MASK}`],
  ['_', /\b([sr]k_(?:live|test)|whsec|(?:pi|seti)_[A-Za-z0-9]{1,60}_secret)_[\w+/=-]+/g, `$1_${MASK}`],
  ['eyJ', /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, MASK],
];

/**
 * What may be the number of a card: 14 to 19 digits, in groups or not, of which the last one fits the others. A number by itself in JSON
 * is an amount or an id of ours, and so is that of a product.
 */
const CARD = /(?<![a-z\d.:-])(?<!product[ /])[2-6](?:[ -]?\d){13,18}(?![a-z\d-])/gi;

function withoutCards(text: string): string {
  return text.replace(CARD, (found) => (fitsLuhn(found.replace(/\D/g, '')) ? MASK : found));
}

/** ISO/IEC 7812-1, annex B. */
function fitsLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]) * (1 + (i % 2));
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 === 0;
}

/** Masks what looks like a secret or a card, and each of `secrets` itself, also as JSON writes it. */
export function createScrub(secrets: readonly string[] = []): Scrub {
  const long = secrets.filter((secret) => secret.length >= SECRET_CHARS_MIN);
  const spellings = [...new Set(long.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]))];
  return (text) => {
    let clean = text;
    for (const secret of spellings) if (clean.includes(secret)) clean = clean.replaceAll(secret, MASK);
    for (const [mark, shape, instead] of SHAPES)
      if (clean.includes(mark)) clean = clean.replace(shape, instead);
    return withoutCards(clean);
  };
}

/** Settings that hold secrets. */
export interface SecretSettings {
  readonly operatorToken?: string | null;
  readonly urls?: object | null;
  readonly stripe?: { readonly secretKey: string; readonly webhookSecrets: readonly string[] } | null;
}

/** The secrets that settings bring: a token, Stripe's keys, and the passwords in addresses, as they stand there and as they are meant. */
export function secretsIn(settings: SecretSettings): string[] {
  const { operatorToken, stripe } = settings;
  const passwords = Object.values(settings.urls ?? {}).flatMap((url) => passwordIn(String(url)));
  const keys = stripe ? [stripe.secretKey, ...stripe.webhookSecrets] : [];
  return [...(operatorToken ? [operatorToken] : []), ...keys, ...passwords];
}

function passwordIn(url: string): string[] {
  const [, password = ''] = /^[a-z+]+:\/\/[^:/@]*:(.*)@/i.exec(url) ?? [];
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}
