import { describe, expect, test } from 'bun:test';
import { readHeaderText, writeHeaderText } from './header-text.ts';

/** As the bytes of a text come out of a header. */
const onTheWire = (text: string): string => Buffer.from(text).toString('latin1');

describe('B14 the text of a header is read as what it is', () => {
  const texts = [
    'grace',
    'Grace Hopper',
    'Jürgen Größe',
    '山田 太郎',
    '💡',
    'é',
    '50% off',
    "it's",
    '\u{10ffff}',
  ];

  test.each(texts)('%s as UTF-8', (text) => {
    expect(readHeaderText(onTheWire(text))).toBe(text);
  });

  test.each(texts)('%s as we write it, which is ASCII', (text) => {
    expect(writeHeaderText(text)).toMatch(/^[ -~]+$/);
    expect(readHeaderText(writeHeaderText(text))).toBe(text);
  });

  test.each([
    ["UTF-8''J%C3%BCrgen", 'Jürgen'],
    ["utf-8'de'J%c3%bcrgen%20G", 'Jürgen G'],
    ["UTF-8''", ''],
    ['J%C3%BCrgen', 'J%C3%BCrgen'],
  ])('%s', (value, text) => {
    expect(readHeaderText(value)).toBe(text);
  });

  test.each([
    ['Latin-1', 'J\xfcrgen'],
    ['UTF-8 that is cut off', onTheWire('日').slice(0, 2)],
    ['an overlong form', '\xc0\xaf'],
    ['half of a surrogate pair', '\xed\xa0\x80'],
    ['percent-encoded Latin-1', "UTF-8''J%FCrgen"],
    ['a percent sign alone', "UTF-8''50%"],
  ])('%s is none', (_, value) => {
    expect(readHeaderText(value)).toBeNull();
  });
});
