import type { CodeNote } from '../codes.ts';
import { EXAMPLE_ORIGIN } from './example-request.ts';
import type { Group, Guide, Shape } from './guide.ts';
import { Html, html } from './html.ts';
import { type Links, linksIn } from './links.ts';
import { fieldList, operationSection } from './operation.ts';
import { inline, prose } from './prose.ts';
import { tokenBox } from './send.ts';

export interface PageParts {
  readonly codes: readonly CodeNote[];
  readonly style: string;
  readonly scripts: {
    readonly beforePaint: string;
    readonly main: string;
    /** Makes the forms work that send requests; null where the page has none. */
    readonly send: string | null;
  };
}

/**
 * The guide as one page that needs nothing else: no other request, no font, no image. It reads in full without scripts.
 * Those add the search, the choice of a language, the copy buttons, the mark in the contents, and the forms that send requests.
 */
export function docsPage(guide: Guide, { codes, style, scripts }: PageParts): string {
  const canSend = scripts.send !== null;
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
<script>${trusted(scripts.beforePaint)}</script>
<style>${trusted(style)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the routes</a>
<header class="top">
<p class="name"><a href="/">${guide.title}</a> <span>API ${guide.version}</span></p>
<button type="button" id="menu" class="scripts-only" aria-controls="contents" aria-expanded="false">Contents</button>
<a class="wide" href="/ops">Operations</a>
<a href="/openapi.json">OpenAPI<span class="wide"> 3.1</span></a>
</header>
<nav id="contents" aria-label="Contents">${contents(guide)}</nav>
<main id="main" tabindex="-1">
${about(guide, canSend)}
${guide.groups.map((group) => groupSection(group, links, canSend))}
${codesSection(codes)}
${shapesSection(guide.shapes, links)}
</main>
<script>${trusted(scripts.main)}</script>
${scripts.send !== null && html`<script>${trusted(scripts.send)}</script>`}
</body>
</html>
`.text;
}

/** A file of ours, which is HTML's own language already. */
function trusted(text: string): Html {
  return new Html(text);
}

function contents({ groups, shapes }: Guide): Html {
  return html`
<div class="find scripts-only"><label for="find">Find a route, a field or a code</label>
<input id="find" type="search" autocomplete="off" spellcheck="false" aria-describedby="found">
<p id="found" role="status"></p></div>
${groups.map(
  ({ name, operations }) =>
    html`<section><h2><a href="#group-${name}">${titleOf(name)}</a></h2><ul>${operations.map(
      ({ id, method, summary }) =>
        html`<li><a href="#${id}"><span class="verb ${method.toLowerCase()}">${method === 'DELETE' ? 'DEL' : method}</span> ${summary}</a></li>`,
    )}</ul></section>`,
)}
<section><h2><a href="#codes">Codes</a></h2><ul><li><a href="#codes">What each code means</a></li></ul></section>
<section><h2><a href="#shapes">Shapes</a></h2><ul>${shapes.map(
    ({ name }) => html`<li><a href="#shape-${name}">${name}</a></li>`,
  )}</ul></section>`;
}

function about({ title, about, operators }: Guide, canSend: boolean): Html {
  return html`<section class="about"><h1>${title} API</h1>${prose(about)}
<dl class="facts">
<div><dt>Server</dt><dd><code class="origin">${EXAMPLE_ORIGIN}</code></dd></div>
<div><dt>Operators</dt><dd>Calls marked <span class="tag">operator</span> want <code>Authorization: Bearer &lt;token&gt;</code>. ${inline(operators)}</dd></div>
${canSend && tokenBox()}
</dl></section>`;
}

function groupSection({ name, description, operations }: Group, links: Links, canSend: boolean): Html {
  return html`<section class="group" aria-labelledby="group-${name}">
<h2 id="group-${name}">${titleOf(name)}</h2>${prose(description)}
${operations.map((operation) => operationSection(operation, links, canSend))}
</section>`;
}

function codesSection(codes: readonly CodeNote[]): Html {
  return html`<section class="group" aria-labelledby="codes"><h2 id="codes">Codes</h2>
<p>Every refusal and every error carries <code>code</code>. Messages are for people and may change; codes stay.</p>
<dl class="fields codes">${codes.map(
    ({ code, status, meaning, advice }) =>
      html`<div id="code-${code}"><dt><code>${code}</code> <span class="type">${inline(status)}</span></dt><dd>${inline(meaning)} <span class="advice">${inline(advice)}</span></dd></div>`,
  )}</dl></section>`;
}

function shapesSection(shapes: readonly Shape[], links: Links): Html {
  return html`<section class="group" aria-labelledby="shapes"><h2 id="shapes">Shapes</h2>
${shapes.map(
  ({ name, description, type, fields }) =>
    html`<section class="shape" aria-labelledby="shape-${name}"><h3 id="shape-${name}"><a href="#shape-${name}">${name}</a> <span class="type">${links.type(type)}</span></h3>${prose(description)}${fieldList(fields, links, false)}</section>`,
)}</section>`;
}

function titleOf(group: string): string {
  return group.charAt(0).toUpperCase() + group.slice(1);
}
