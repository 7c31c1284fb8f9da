import { EXAMPLE_ORIGIN } from './example-request.ts';
import type { GuideOperation } from './guide.ts';
import { type Html, html } from './html.ts';
import { command } from './sample.ts';
import { LANGUAGES, type Language } from './samples.ts';

const LANGUAGE_NAMES = Object.entries(LANGUAGES) as [Language, string][];

/**
 * The code that makes the request, a tab for each language (the tabs pattern of WAI-ARIA). The page has one choice of language
 * for all of its requests; without the script they stand below each other.
 */
export function requestFigure({ id, summary, samples }: GuideOperation): Html {
  return html`<figure class="request" aria-label="Code: ${summary}">
<div class="tabs" role="tablist" aria-label="Language">${LANGUAGE_NAMES.map(
    ([language, title], i) =>
      html`<button type="button" role="tab" id="${id}-tab-${language}" data-language="${language}" aria-controls="${id}-${language}" aria-selected="${String(i === 0)}" tabindex="${i === 0 ? 0 : -1}">${title}</button>`,
  )}</div>
${LANGUAGE_NAMES.map(
  ([language, title]) =>
    html`<div class="panel" role="tabpanel" id="${id}-${language}" data-language="${language}" aria-labelledby="${id}-tab-${language}"><p class="language">${title}</p><pre tabindex="0"><code>${command(samples[language], EXAMPLE_ORIGIN)}</code></pre></div>`,
)}
</figure>`;
}
