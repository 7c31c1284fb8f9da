import { describe, expect, test } from 'bun:test';
import { readConfig } from '../../src/config.ts';
import { readDocument } from './documents.ts';

/** docs/reference/settings.md says what the program does with each variable, its default and its values. */

interface Row {
  readonly name: string;
  readonly flag: string;
  readonly default: string;
  readonly values: string;
}

const page = readDocument('docs/reference/settings.md');
const rows = [...page.matchAll(/^\| `([A-Z_]+)` \|(.*)\|$/gm)].map(([, name, rest]): Row => {
  const [flag, preset, values] = rest!.split('|').map((cell) => cell.replaceAll('`', '').trim());
  return { name: name!, flag: flag!, default: preset!, values: values! };
});
const plainDefaults = rows.filter((row) => row.default !== 'none' && row.default !== 'by backend');
/** With these any value of another setting is allowed. */
const PERMISSIVE = {
  PULSECART_OPERATOR_TOKEN: 'a token of sixteen characters or more',
  PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
  PULSECART_ALLOW_DEFAULT_CREDENTIALS: 'on',
  PULSECART_STRIPE_SECRET_KEY: 'sk_test_0123456789',
  PULSECART_STRIPE_PUBLISHABLE_KEY: 'pk_test_0123456789',
  PULSECART_STRIPE_WEBHOOK_SECRET: 'whsec_0123456789abcdef',
  DATABASE_URL: 'postgres://127.0.0.1/pulsecart',
  REDIS_URL: 'redis://127.0.0.1',
  RABBITMQ_URL: 'amqp://127.0.0.1',
};
const read = (name: string, value: string) => readConfig({ ...PERMISSIVE, [name]: value });

test('has every variable that the program reads, and no other', () => {
  const known = Object.keys(readConfig({}).settings);
  expect(known.length).toBeGreaterThan(20);
  expect(rows.map(({ name }) => name).toSorted()).toEqual(known.toSorted());
});

test.each(plainDefaults)('$name is $default by itself', ({ name, default: preset }) => {
  expect(readConfig({ [name]: preset })).toEqual(readConfig({}));
});

const numbers = rows.filter(({ values }) => /^\d+ to \d+$/.test(values));
test.each(numbers)('$name takes $values', ({ name, values, default: preset }) => {
  const [min, max] = values.split(' to ').map(Number) as [number, number];
  for (const value of [min, max]) {
    const changed = Bun.deepEquals(read(name, String(value)), readConfig(PERMISSIVE));
    expect([value, changed]).toEqual([value, String(value) === preset]);
  }
  for (const value of [min - 1, max + 1, 'soon']) expect(() => read(name, String(value))).toThrow(name);
});

const choices = rows.filter(({ values }) => / or /.test(values));
test.each(choices)('$name takes $values', ({ name, values }) => {
  for (const value of values.split(/, | or /)) {
    if (!name.startsWith('PULSECART_ALLOW_')) read(name, value);
  }
  expect(() => read(name, 'perhaps')).toThrow(name);
});

test('says for most of them how they can be tried, which the tests above do', () => {
  for (const tried of [plainDefaults, numbers, choices]) expect(tried.length).toBeGreaterThan(3);
});

describe('the README', () => {
  test('has the same defaults for the settings that it shows', () => {
    const shown = [...readDocument('README.md').matchAll(/^\| `([A-Z_]+)` \|([^|]*)\|([^|]*)\|/gm)];
    expect(shown.length).toBeGreaterThan(5);
    for (const [, name, flag, preset] of shown) {
      const { flag: itsFlag, default: itsDefault } = rows.find((row) => row.name === name)!;
      expect([name, flag, preset].map((cell) => cell!.replaceAll('`', '').trim())).toEqual([
        name!,
        itsFlag,
        itsDefault,
      ]);
    }
  });
});
