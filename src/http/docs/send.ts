import type { GuideOperation } from './guide.ts';
import { type Html, html } from './html.ts';

/** A form that sends the request to the server that the page came from, filled in from the examples. It needs the script. */
export function sendForm({ id, method, path, parameters, body, ...operation }: GuideOperation): Html {
  const [example] = body?.examples ?? [];
  return html`<details class="send scripts-only"><summary>Send it from here</summary>
<form data-method="${method}" data-path="${path}"${operation.isStream && html` data-stream`}${operation.forOperators && html` data-operators`}>
${parameters.map(({ name, place, required, example, limits }) => {
  const field = `${id}-send-${place}-${name}`;
  return html`<label for="${field}"><code>${name}</code> <span class="type">${place}${!required && ', optional'}</span></label>
<input id="${field}" name="${name}" data-place="${place}"${required ? html` value="${example}" required` : html` placeholder="${limits}"`} autocomplete="off" autocapitalize="off" spellcheck="false">`;
})}
${
  body &&
  html`<label for="${id}-send-body">Body <span class="type">${body.mediaType}</span></label>
<textarea id="${id}-send-body" data-type="${body.mediaType}" rows="${rowsOf(example?.text)}" autocomplete="off" autocapitalize="off" spellcheck="false">${example?.text}</textarea>`
}
${tokenNote(operation)}
<button type="submit">Send</button>
</form>
<p role="status"></p>
<div class="reply"></div>
</details>`;
}

/** The box for the token stands at the top of the page, once. */
export function tokenBox(): Html {
  return html`<div class="scripts-only"><dt><label for="token">Operator token</label></dt><dd><input id="token" type="password" autocomplete="off" spellcheck="false" aria-describedby="token-use">
<p id="token-use">For <b>Send it from here</b>, which a development server has beside each route. The token goes with operators' calls to this
server and nowhere else, and is forgotten with the page. It stands in <code>data/operator-token</code>, unless a setting has it. Ids that an
answer brings are filled in where a later call needs them.</p></dd></div>`;
}

function tokenNote({
  forOperators,
  takesToken,
}: Pick<GuideOperation, 'forOperators' | 'takesToken'>): Html | false {
  if (forOperators)
    return html`<p class="note"><span class="without-token">Goes without <a href="#token">an operator token</a>.</span><span class="with-token">Goes with the operator token.</span></p>`;
  return (
    takesToken &&
    html`<label class="choice"><input type="checkbox" data-as-operator> As an operator, with <a href="#token">the token</a></label>`
  );
}

function rowsOf(text = ''): number {
  return text.split('\n').length;
}
