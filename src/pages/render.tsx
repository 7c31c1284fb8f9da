/** @jsxImportSource preact */
import { renderToString } from 'preact-render-to-string';
import { Console } from './ops/console.tsx';
import type { PageData } from './shapes.ts';
import { Shop } from './shop/shop.tsx';
import { TITLES } from './text.ts';

/** Addresses of what a page loads. */
export interface PageAssets {
  readonly script: string;
  readonly styles: readonly string[];
}

/**
 * A page as HTML that reads without its script. The script finds the same data in it, and takes over what stands there already.
 */
export function renderPage(data: PageData, { script, styles }: PageAssets): string {
  const page = renderToString(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{TITLES[data.page](data as never)}</title>
        <link rel="icon" href={ICON} />
        {styles.map((href) => (
          <link key={href} rel="stylesheet" href={href} />
        ))}
        <script type="module" src={script} />
      </head>
      <body class={`page-${data.page}`}>
        <div id="page">{data.page === 'ops' ? <Console data={data} /> : <Shop data={data} />}</div>
        {DATA_PLACE}
      </body>
    </html>,
  );
  return `<!doctype html>\n${page.replace(DATA_PLACE, dataElement(data))}\n`;
}

const DATA_PLACE = '\u0001';

/** Data, which no browser runs. Nothing in it can end the element. */
function dataElement(data: PageData): string {
  return `<script type="application/json" id="data">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>`;
}

/** A pulse on a square. */
const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#c8321f"/>' +
    '<path d="M3 17h7l3-8 6 15 3-7h7" fill="none" stroke="#fff" stroke-width="3" stroke-linejoin="round" stroke-linecap="round"/></svg>',
)}`;
