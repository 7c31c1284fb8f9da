import type { CodeNote } from '../codes.ts';
import type { Shape } from './guide.ts';
import { type Html, html } from './html.ts';
import { inline } from './prose.ts';

/** What on the page leads from one place to another. */
export interface Links {
  /** A type, in which the names of shapes lead to them. */
  type(text: string): Html[];
  /** A sentence about an answer, in which codes lead to their meaning. */
  answer(text: string): Html[];
  /** The codes in it, each leading to its meaning. */
  codes(text: string): Html[];
  /** True once for each shape: what many operations answer with is shown in full where it comes first. */
  isNew(type: string): boolean;
}

export function linksIn(shapes: readonly Shape[], codes: readonly CodeNote[]): Links {
  const shapeNames = new Set(shapes.map(({ name }) => name));
  const codeNames = new Set(codes.map(({ code }) => code));
  const known = new Set<string>();
  const code = (name: string) =>
    codeNames.has(name) ? html`<a href="#code-${name}">${name}</a>` : html`${name}`;
  return {
    isNew(type) {
      const isNew = !known.has(type);
      if (shapeNames.has(type)) known.add(type);
      return isNew;
    },
    type: (text) =>
      text
        .split(/\b([A-Z]\w+)\b/)
        .map((word) => (shapeNames.has(word) ? html`<a href="#shape-${word}">${word}</a>` : html`${word}`)),
    answer: (text) => inline(text, code),
    codes: (text) =>
      [...text.matchAll(/`(\w+)`/g)].flatMap(([, name]) =>
        codeNames.has(name!) ? [html`<code>${code(name!)}</code>`] : [],
      ),
  };
}
