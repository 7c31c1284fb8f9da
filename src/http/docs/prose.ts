import { type Html, html } from './html.ts';

/** The little Markdown that descriptions are written in: paragraphs, tables, `code`, and links to components. */
export function prose(text: string): Html[] {
  return text
    .split(/\n{2,}/)
    .filter((block) => block.trim() !== '')
    .map((block) => (block.startsWith('|') ? tableOf(block) : html`<p>${inline(block)}</p>`));
}

/** One line of text; `shown` is what becomes of the code in it. */
export function inline(text: string, shown: (code: string) => Html = (code) => html`${code}`): Html[] {
  return text.split(/(`[^`]+`|\[[^\]]+\]\([^)]+\))/).map((part) => {
    if (part.startsWith('`')) return html`<code>${shown(part.slice(1, -1))}</code>`;
    const [, words, target] = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(part) ?? [];
    return target === undefined ? html`${part}` : html`<a href="${placeOf(target)}">${words}</a>`;
  });
}

/** What leads to a schema in the OpenAPI document leads to its shape on the page. */
function placeOf(target: string): string {
  return target.replace(/^#\/components\/schemas\//, '#shape-');
}

function tableOf(block: string): Html {
  const [head = [], , ...rows] = block
    .trim()
    .split('\n')
    .map((line) => line.split('|').slice(1, -1));
  return html`<div class="scroll" tabindex="0"><table><thead><tr>${head.map(
    (cell) => html`<th scope="col">${inline(cell.trim())}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (cells) => html`<tr>${cells.map((cell) => html`<td>${inline(cell.trim())}</td>`)}</tr>`,
  )}</tbody></table></div>`;
}
