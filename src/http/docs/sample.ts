import { type Html, html } from './html.ts';

/** A JSON text with its words marked for colour; any other text as it is. */
export function sample(text: string): Html[] {
  return isJson(text) ? jsonWords(text) : [html`${text}`];
}

/** A command with its server's address marked, so that the page can put its own there. */
export function command(text: string, origin: string): Html[] {
  return text
    .split(origin)
    .flatMap((part, i) => (i === 0 ? [html`${part}`] : [html`<span class="origin">${origin}</span>${part}`]));
}

/** A key, a string, a number or a word; what stands between them is taken as it is. */
const WORD = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b/g;

function jsonWords(text: string): Html[] {
  const pieces: Html[] = [];
  let from = 0;
  for (const match of text.matchAll(WORD)) {
    const [whole, string, colon, number] = match;
    const kind = string === undefined ? (number === undefined ? 'w' : 'n') : colon === undefined ? 's' : 'k';
    const word = string ?? whole;
    pieces.push(html`${text.slice(from, match.index)}<span class="${kind}">${word}</span>`);
    from = match.index + word.length;
  }
  return [...pieces, html`${text.slice(from)}`];
}

function isJson(text: string): boolean {
  return /^\s*[[{]/.test(text);
}
