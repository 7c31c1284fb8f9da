import type { Field } from './fields.ts';
import type { Answer, Body, Example, GuideOperation } from './guide.ts';
import { type Html, html } from './html.ts';
import type { Links } from './links.ts';
import { inline, prose } from './prose.ts';
import { requestFigure } from './request.ts';
import { sample } from './sample.ts';
import { sendForm } from './send.ts';

/** One operation: in words on one side, as it is sent and answered on the other. `canSend` adds a form that sends it. */
export function operationSection(operation: GuideOperation, links: Links, canSend: boolean): Html {
  const { id, method, path, summary, description, forOperators, role, parameters, body, answers } = operation;
  return html`<article aria-labelledby="${id}">
<div class="words">
<h3 id="${id}"><a href="#${id}">${summary}</a></h3>
<p class="route"><span class="verb ${method.toLowerCase()}">${method}</span> <code>${breakable(path)}</code>${
    forOperators && html` <span class="tag">${role}</span>`
  }</p>
${prose(description)}
${parameters.length > 0 && html`<h4>Parameters</h4>${fieldList(parameters, links, true)}`}
${body && html`<h4>Body <span class="type">${links.type(body.type)}, ${body.mediaType}</span></h4>${prose(body.description)}${fieldList(body.fields, links, true)}`}
<h4>Answers</h4>
${answers.map((answer) => answerDetails(answer, links))}
</div>
<div class="samples">
${requestFigure(operation)}
${canSend && sendForm(operation)}
${answers.flatMap(({ status, bodies }) => bodies.flatMap(({ examples }) => examples.map((one) => exampleDetails(status, one))))}
</div>
</article>`;
}

/** What came back is open where it is the answer that was hoped for; the rest opens on demand, and when the browser finds it. */
function answerDetails({ status, description, headers, bodies }: Answer, links: Links): Html {
  const isGood = /^[23]/.test(status);
  const label = (says: readonly Html[]) =>
    html`<span class="status s${status[0]}">${status === 'default' ? 'else' : status}</span> <span>${says}</span>`;
  if (headers.length === 0 && bodies.length === 0)
    return html`<p class="answer">${label(links.answer(description))}</p>`;
  const codes = links.codes(description);
  // A summary is a button, so that its codes lead nowhere; the links stand below.
  return html`<details class="answer"${isGood && html` open`}><summary>${label(inline(description))}</summary>
${codes.length > 0 && html`<p class="part">Codes: ${codes.map((code, i) => [i > 0 && ', ', code])}</p>`}
${headers.length > 0 && html`<p class="part">Headers</p>${fieldList(headers, links, false)}`}
${bodies.map((body) => answerBody(body, isGood, links))}
</details>`;
}

function answerBody({ mediaType, type, fields }: Body, isGood: boolean, links: Links): Html {
  const described = html`<p class="part">${mediaType} <span class="type">${links.type(type)}</span></p>`;
  return isGood && links.isNew(type) ? html`${described}${fieldList(fields, links, false)}` : described;
}

/** Of what goes in is told what must be there, of what comes out what may be missing. */
export function fieldList(
  fields: readonly (Field & { place?: string })[],
  links: Links,
  isInput: boolean,
): Html | false {
  if (fields.length === 0) return false;
  return html`<dl class="fields">${fields.map(
    (field) =>
      html`<div><dt><code>${field.name}</code> <span class="type">${links.type(field.type)}</span>${
        field.place && html` <span class="type">in the ${field.place}</span>`
      }${isInput && field.required && html` <span class="must">required</span>`}${
        !isInput && !field.required && html` <span class="type">optional</span>`
      }</dt><dd>${[
        ...inline(field.description),
        field.limits && html` <span class="limits">${inline(field.limits)}</span>`,
        fieldList(field.fields, links, isInput),
      ]}</dd></div>`,
  )}</dl>`;
}

function exampleDetails(status: string, { name, text }: Example): Html {
  return html`<details class="example"${status.startsWith('2') && html` open`}><summary><span class="status s${status[0]}">${status}</span> ${name.replaceAll('_', ' ')}</summary><pre tabindex="0"><code>${sample(text)}</code></pre></details>`;
}

/** A path may break before each slash, so that a phone need not scroll sideways. */
function breakable(path: string): Html[] {
  return path.split(/(?=\/)/).map((part) => html`<wbr>${part}`);
}
