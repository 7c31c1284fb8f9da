import uplotStyle from 'uplot/dist/uPlot.min.css' with { type: 'text' };
import { AppError } from '../../domain/errors.ts';
import opsStyle from '../../pages/ops/ops.css' with { type: 'text' };
import type { PageAssets } from '../../pages/render.tsx';
import { readScripts } from '../../pages/scripts.ts';
import type { PageName } from '../../pages/shapes.ts';
import style from '../../pages/style.css' with { type: 'text' };
import tokens from '../../pages/tokens.css' with { type: 'text' };
import { compressed, digestOf } from '../compressed.ts';
import { NOT_GUESSED } from '../respond.ts';

interface File {
  readonly address: string;
  readonly digest: string;
  serve(req: Request): Response;
}

/** The scripts and styles of the pages, made when the first page is asked for. */
export function createPageAssets() {
  let made: Promise<ReadonlyMap<string, File>> | undefined;

  /** The bundler may fail, as where no file can be opened; the next page tries it again. */
  function files(): Promise<ReadonlyMap<string, File>> {
    made ??= makeFiles().catch((cause) => {
      made = undefined;
      throw new AppError('unavailable', 'The scripts of the pages cannot be made now.', { cause });
    });
    return made;
  }

  return {
    /** What a page loads. Rejects with AppError `unavailable`. */
    async namesFor(page: PageName): Promise<PageAssets> {
      const all = await files();
      const addressOf = (name: string) => all.get(name)!.address;
      if (page !== 'ops') return { script: addressOf('shop.js'), styles: [addressOf('style.css')] };
      return { script: addressOf('ops.js'), styles: ['style.css', 'uplot.css', 'ops.css'].map(addressOf) };
    },

    /** The file of this name, with its digest or without; null where there is none. Rejects likewise. */
    async serve(req: Request, asked: string): Promise<Response | null> {
      const [, name, digest, ending] = /^(\w+)(?:\.([\w-]{22}))?\.(js|css)$/.exec(asked) ?? [];
      const file = (await files()).get(`${name}.${ending}`);
      if (!file) return null;
      const answer = file.serve(req);
      // While versions change a page of one may ask the other: it gets what is here, and does not keep it under that name.
      answer.headers.set('Cache-Control', digest === file.digest ? FOR_EVER : 'no-cache');
      return answer;
    },
  };
}

async function makeFiles(): Promise<ReadonlyMap<string, File>> {
  const { shop, ops } = await readScripts();
  const [css, js] = ['text/css;charset=utf-8', 'text/javascript;charset=utf-8'];
  const texts: [string, string, string][] = [
    ['style.css', css, tokens + style],
    ['uplot.css', css, uplotStyle],
    ['ops.css', css, opsStyle],
    ['shop.js', js, shop],
    ['ops.js', js, ops],
  ];
  return new Map(
    texts.map(([name, type, text]) => {
      const digest = digestOf(text);
      const address = `/assets/${name.replace('.', `.${digest}.`)}`;
      return [name, { address, digest, serve: compressed(text, { 'Content-Type': type, ...GUARDS }) }];
    }),
  );
}

const FOR_EVER = 'public, max-age=31536000, immutable';

/** For whatever a page consists of. */
export const GUARDS = {
  ...NOT_GUESSED,
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
};
