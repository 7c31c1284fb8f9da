import { expect, test } from 'bun:test';
import { renderPage } from './render.tsx';
import type { PageData } from './shapes.ts';

const ASSETS = { script: '/assets/shop.js', styles: ['/assets/style.css'] };

/** What somebody would write into a product who means harm, or who does not know what HTML and JavaScript make of it. */
const TEXTS = [
  '</script><script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  `" onmouseover="alert(1)" '`,
  '<!-- <script> -->',
  '&lt;script&gt; &amp; &#60;',
  "$& $' $` $$ $1 $<name>",
  '{{constructor}} #{7*7} \u2028\u2029',
];

test.each(TEXTS)('a product called %j is shown as that, and its page gets the same data', (text) => {
  const html = renderPage(pageOf(text), ASSETS);
  const scripts = [...html.matchAll(/<script\b([^>]*)>/g)].map(([, attributes]) => attributes!.trim());
  expect(scripts).toEqual(['type="module" src="/assets/shop.js"', 'type="application/json" id="data"']);
  expect(html.match(/<img/g) ?? []).toEqual(['<img']);
  expect(html).not.toMatch(/<[^>]* on\w+="/);
  const [, data = ''] = /<script type="application\/json" id="data">([^<]*)<\/script>/.exec(html) ?? [];
  expect(JSON.parse(data)).toEqual(JSON.parse(JSON.stringify(pageOf(text))));
  expect(headingOf(html)).toBe(text);
});

/** What a browser shows of the heading. */
function headingOf(html: string): string {
  const [, heading = ''] = /<h1[^>]*>(.*?)<\/h1>/s.exec(html) ?? [];
  return heading
    .replace(/<[^>]+>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

function pageOf(text: string): PageData {
  return {
    page: 'product',
    serverTime: '2026-11-29T05:00:00.000Z',
    development: false,
    hasSessions: false,
    buyersPay: false,
    product: {
      productId: 1,
      name: text,
      description: text,
      imageUrl: '/picture.png',
      total: 10,
      available: 10,
      reserved: 0,
      version: 1,
      state: 'open',
      priceMinor: 100,
      currency: 'USD',
      opensAt: null,
      closesAt: null,
      perCustomerLimit: null,
      customerRequired: false,
      holdSeconds: 600,
    },
  };
}
