import { expect, test } from 'bun:test';
import { type Family, mergeFamilies, type OfSeveral } from './families.ts';

function family(ofSeveral: OfSeveral, values: Readonly<Record<string, number>>): Family {
  const samples = Object.entries(values).map(([which, value]) => ({ name: 'one', labels: { which }, value }));
  return { name: 'one', help: 'It', type: 'gauge', ofSeveral, samples };
}

function merged(...families: readonly Family[]) {
  const all = mergeFamilies(families.map((one) => [one]));
  expect(all).toHaveLength(1);
  return Object.fromEntries(all[0]!.samples.map(({ labels, value }) => [labels.which, value]));
}

test.each([
  ['sum', { a: 7, b: 2, c: 4 }],
  ['max', { a: 5, b: 2, c: 4 }],
  ['min', { a: 2, b: 2, c: 4 }],
  ['first', { a: 2, b: 2, c: 4 }],
] as const)('values of several processes become one by %s, and what one alone has stays', (how, expected) => {
  expect(merged(family(how, { a: 2, b: 2 }), family(how, { c: 4, a: 5 }))).toEqual(expected);
});

test('a process that has no number yet does not hide the other’s', () => {
  for (const how of ['max', 'min'] as const) {
    expect(merged(family(how, { a: Number.NaN }), family(how, { a: 3 }))).toEqual({ a: 3 });
    expect(merged(family(how, { a: 3 }), family(how, { a: Number.NaN }))).toEqual({ a: 3 });
  }
});

test('the order of labels does not matter, and what is merged stays as it was', () => {
  const labelled = (labels: Readonly<Record<string, string>>): Family => {
    return { ...family('sum', {}), samples: [{ name: 'one', labels, value: 1 }] };
  };
  const [first, second] = [labelled({ a: 'x', b: 'y' }), labelled({ b: 'y', a: 'x' })];
  expect(mergeFamilies([[first], [second]])[0]!.samples).toMatchObject([{ value: 2 }]);
  expect([first, second].map(({ samples }) => samples[0]!.value)).toEqual([1, 1]);
});
