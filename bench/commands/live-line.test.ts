import { expect, test } from 'bun:test';
import { EventEmitter } from 'node:events';
import { fit, openLiveLine } from './live-line.ts';

const PARTS = [
  { rank: 1, text: '1.2 s' },
  { rank: 0, text: '12,000 of 100,000 came' },
  { rank: 3, text: 'answered 9,876/s' },
  { rank: 2, text: 'sold 1,000' },
];
const WHOLE = '  1.2 s · 12,000 of 100,000 came · answered 9,876/s · sold 1,000';

test('a line that fits has all its parts, one that does not lacks those of the highest rank', () => {
  expect(fit(PARTS, WHOLE.length)).toBe(WHOLE);
  expect(fit(PARTS, WHOLE.length - 1)).toBe('  1.2 s · 12,000 of 100,000 came · sold 1,000');
  expect(fit(PARTS, 33)).toBe('  1.2 s · 12,000 of 100,000 came');
  expect(fit(PARTS, 24)).toBe('  12,000 of 100,000 came');
  expect(fit(PARTS, 10)).toBe('  12,000 …');
  for (let columns = 1; columns < 100; columns++)
    expect(fit(PARTS, columns).length).toBeLessThanOrEqual(columns);
});

test('a line never reaches the last column, follows the width, and is gone at the end', () => {
  const screen = new Screen(60);
  const line = openLiveLine({ output: screen });
  line.show(PARTS);
  expect(screen.lines()).toEqual(['  1.2 s · 12,000 of 100,000 came · sold 1,000']);
  screen.resize(30);
  expect(screen.lines()).toEqual(['  12,000 of 100,000 came']);
  screen.resize(80);
  expect(screen.lines()).toEqual([WHOLE]);
  line.say('a line that stays');
  expect(screen.lines()).toEqual(['a line that stays', WHOLE]);
  line.close();
  expect(screen.lines()).toEqual(['a line that stays', '']);
  // An interrupted command is still at work while it is cleaned up.
  line.show(PARTS);
  screen.resize(40);
  expect(screen.lines()).toEqual(['a line that stays', '']);
});

test('nothing is shown where it could not be erased', () => {
  const screen = new Screen(80, false);
  const line = openLiveLine({ output: screen });
  line.show(PARTS);
  line.say('nor said');
  line.close();
  expect(screen.lines()).toEqual(['']);
});

/** A terminal that knows what a live line uses, and breaks lines anew as real ones do. */
class Screen extends EventEmitter {
  columns: number;
  readonly isTTY: boolean;
  #said: string[] = [];
  #now = '';
  constructor(columns: number, isTTY = true) {
    super();
    this.columns = columns;
    this.isTTY = isTTY;
  }
  write(text: string): void {
    for (const [, up, erase, newLine, char] of text.matchAll(
      /\r(?:\x1b\[(\d+)A)?(\x1b\[J)|(\n)|([^\r\n\x1b])/g,
    )) {
      if (erase !== undefined) {
        // Exactly the rows that the line has now: one more would be another's.
        expect(Number(up ?? 0)).toBe(Math.max(0, Math.ceil(this.#now.length / this.columns) - 1));
        this.#now = '';
      } else if (newLine !== undefined) {
        this.#said.push(this.#now);
        this.#now = '';
      } else this.#now += char;
    }
  }
  resize(columns: number): void {
    this.columns = columns;
    this.emit('resize');
  }
  lines(): string[] {
    return [...this.#said, this.#now];
  }
}
