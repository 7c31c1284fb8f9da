import type { CodeNote } from '../openapi/codes.ts';
import { EXAMPLE_ORIGIN } from './curl.ts';
import type { Field } from './fields.ts';
import type { Answer, Body, Example, Group, Guide, GuideOperation, Shape } from './guide.ts';
import { Html, html } from './html.ts';
import { inline, prose } from './prose.ts';
import { command, sample } from './sample.ts';

export interface PageParts {
  readonly codes: readonly CodeNote[];
  readonly style: string;
  readonly script: string;
}

/**
 * The guide as one page that needs nothing else: no other request, no font, no image. It reads in full without the script,
 * which adds the search, the copy buttons and the mark in the contents.
 */
export function docsPage(guide: Guide, { codes, style, script }: PageParts): string {
  const links = linksIn(guide.shapes, codes);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="Every route of ${guide.title}, with examples.">
<title>${guide.title} API</title>
<link rel="icon" href="data:,">
<style>${trusted(style)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the routes</a>
<header class="top">
<p class="name">${guide.title} <span>API ${guide.version}</span></p>
<button type="button" id="menu" aria-controls="contents" aria-expanded="false" hidden>Contents</button>
<a href="/openapi.json">OpenAPI<span class="wide"> 3.1</span></a>
</header>
<nav id="contents" aria-label="Contents">${contents(guide)}</nav>
<main id="main" tabindex="-1">
${about(guide)}
${guide.groups.map((group) => groupSection(group, links))}
${codesSection(codes)}
${shapesSection(guide.shapes, links)}
</main>
<script>${trusted(script)}</script>
</body>
</html>
`.text;
}

/** What in the text of a description leads somewhere else on the page. */
interface Links {
  /** A type, in which the names of shapes lead to them. */
  type(text: string): Html[];
  /** A sentence about an answer, in which codes lead to their meaning. */
  answer(text: string): Html[];
}

function linksIn(shapes: readonly Shape[], codes: readonly CodeNote[]): Links {
  const shapeNames = new Set(shapes.map(({ name }) => name));
  const codeNames = new Set(codes.map(({ code }) => code));
  return {
    type: (text) =>
      text
        .split(/\b([A-Z]\w+)\b/)
        .map((word) => (shapeNames.has(word) ? html`<a href="#shape-${word}">${word}</a>` : html`${word}`)),
    answer: (text) =>
      inline(text, (code) =>
        codeNames.has(code) ? html`<a href="#code-${code}">${code}</a>` : html`${code}`,
      ),
  };
}

/** A file of ours, which is HTML's own language already. */
function trusted(text: string): Html {
  return new Html(text);
}

function contents({ groups, shapes }: Guide): Html {
  return html`
<div class="find" hidden><label for="find">Find a route, a field or a code</label>
<input id="find" type="search" autocomplete="off" spellcheck="false" aria-describedby="found">
<p id="found" role="status"></p></div>
${groups.map(
  ({ name, operations }) =>
    html`<section><h2><a href="#group-${name}">${titleOf(name)}</a></h2><ul>${operations.map(
      ({ id, method, summary }) =>
        html`<li><a href="#${id}"><span class="verb ${method.toLowerCase()}">${method}</span> ${summary}</a></li>`,
    )}</ul></section>`,
)}
<section><h2><a href="#codes">Codes</a></h2><ul><li><a href="#codes">What each code means</a></li></ul></section>
<section><h2><a href="#shapes">Shapes</a></h2><ul>${shapes.map(
    ({ name }) => html`<li><a href="#shape-${name}">${name}</a></li>`,
  )}</ul></section>`;
}

function about({ title, about, operators }: Guide): Html {
  return html`<section class="about"><h1>${title} API</h1>${prose(about)}
<dl class="facts">
<div><dt>Server</dt><dd><code class="origin">${EXAMPLE_ORIGIN}</code></dd></div>
<div><dt>Operators</dt><dd>Calls marked <span class="tag">operator</span> want <code>Authorization: Bearer &lt;token&gt;</code>. ${inline(operators)}</dd></div>
</dl></section>`;
}

function groupSection({ name, description, operations }: Group, links: Links): Html {
  return html`<section class="group" aria-labelledby="group-${name}">
<h2 id="group-${name}">${titleOf(name)}</h2>${prose(description)}
${operations.map((operation) => operationSection(operation, links))}
</section>`;
}

function operationSection(operation: GuideOperation, links: Links): Html {
  const { id, method, path, summary, description, forOperators, parameters, body, answers } = operation;
  return html`<article aria-labelledby="${id}">
<div class="words">
<h3 id="${id}"><a href="#${id}">${summary}</a></h3>
<p class="route"><span class="verb ${method.toLowerCase()}">${method}</span> <code>${breakable(path)}</code>${
    forOperators && html` <span class="tag">operator</span>`
  }</p>
${prose(description)}
${parameters.length > 0 && html`<h4>Parameters</h4>${fieldList(parameters, links, true)}`}
${body && html`<h4>Body <span class="type">${body.mediaType}</span></h4>${fieldList(body.fields, links, true)}`}
<h4>Answers</h4>
${answers.map((answer) => answerDetails(answer, links))}
</div>
<div class="samples">
${figure('Request', command(operation.curl, EXAMPLE_ORIGIN))}
${answers.flatMap(({ status, bodies }) => bodies.flatMap(({ examples }) => examples.map((one) => exampleDetails(status, one))))}
</div>
</article>`;
}

/** What came back is open where it is the answer that was hoped for; the rest opens on demand, and when the browser finds it. */
function answerDetails({ status, description, headers, bodies }: Answer, links: Links): Html {
  const isGood = /^[23]/.test(status);
  const label = html`<span class="status s${status[0]}">${status === 'default' ? 'else' : status}</span> <span>${links.answer(description)}</span>`;
  if (headers.length === 0 && bodies.length === 0) return html`<p class="answer">${label}</p>`;
  return html`<details class="answer"${isGood && html` open`}><summary>${label}</summary>
${headers.length > 0 && html`<p class="part">Headers</p>${fieldList(headers, links, false)}`}
${bodies.map((body) => answerBody(body, isGood, links))}
</details>`;
}

function answerBody({ mediaType, type, fields }: Body, isGood: boolean, links: Links): Html {
  const described = html`<p class="part">${mediaType} <span class="type">${links.type(type)}</span></p>`;
  return isGood ? html`${described}${fieldList(fields, links, false)}` : described;
}

/** In a request what may be left out is told, in an answer what may be missing. */
function fieldList(
  fields: readonly (Field & { place?: string })[],
  links: Links,
  isInput: boolean,
): Html | false {
  if (fields.length === 0) return false;
  return html`<dl class="fields">${fields.map(
    (field) =>
      html`<div><dt><code>${field.name}</code> <span class="type">${links.type(field.type)}</span>${
        field.place && html` <span class="type">in the ${field.place}</span>`
      }${isInput && field.required && html` <span class="must">required</span>`}</dt><dd>${[
        ...inline(field.description),
        field.limits && html` <span class="limits">${inline(field.limits)}</span>`,
        fieldList(field.fields, links, isInput),
      ]}</dd></div>`,
  )}</dl>`;
}

function figure(title: string, text: readonly Html[]): Html {
  return html`<figure class="request"><figcaption>${title}</figcaption><pre tabindex="0"><code>${text}</code></pre></figure>`;
}

function exampleDetails(status: string, { name, text }: Example): Html {
  return html`<details class="example"${status.startsWith('2') && html` open`}><summary><span class="status s${status[0]}">${status}</span> ${name.replaceAll('_', ' ')}</summary><pre tabindex="0"><code>${sample(text)}</code></pre></details>`;
}

function codesSection(codes: readonly CodeNote[]): Html {
  return html`<section class="group" aria-labelledby="codes"><h2 id="codes">Codes</h2>
<p>Every refusal and every error carries <code>code</code>. Messages are for people and may change; codes stay.</p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="codes"><table><thead><tr><th scope="col">code</th><th scope="col">status</th><th scope="col">meaning</th><th scope="col">what to do</th></tr></thead><tbody>${codes.map(
    ({ code, status, meaning, advice }) =>
      html`<tr id="code-${code}"><th scope="row"><code>${code}</code></th><td>${status}</td><td>${inline(meaning)}</td><td>${inline(advice)}</td></tr>`,
  )}</tbody></table></div></section>`;
}

function shapesSection(shapes: readonly Shape[], links: Links): Html {
  return html`<section class="group" aria-labelledby="shapes"><h2 id="shapes">Shapes</h2>
${shapes.map(
  ({ name, description, type, fields }) =>
    html`<section class="shape" aria-labelledby="shape-${name}"><h3 id="shape-${name}"><a href="#shape-${name}">${name}</a> <span class="type">${links.type(type)}</span></h3>${prose(description)}${fieldList(fields, links, false)}</section>`,
)}</section>`;
}

/** A path may break before each slash, so that a phone need not scroll sideways. */
function breakable(path: string): Html[] {
  return path.split(/(?=\/)/).map((part) => html`<wbr>${part}`);
}

function titleOf(group: string): string {
  return group.charAt(0).toUpperCase() + group.slice(1);
}
