import { expect, test } from 'bun:test';
import { readConfig } from './config.ts';
import { fileVariableOf, SETTINGS, withoutSecrets } from './settings.ts';

test('every variable that is read is told', () => {
  const read = new Set<string>();
  const env = new Proxy<Record<string, string | undefined>>(
    {},
    {
      get: (_, name) => {
        read.add(String(name));
        return undefined;
      },
    },
  );
  const told = Object.keys(readConfig(env).settings);
  expect(told.sort()).toEqual(
    Object.values(SETTINGS)
      .map(({ name }) => name)
      .sort(),
  );
  const files = Object.values(SETTINGS).flatMap((setting) => fileVariableOf(setting) ?? []);
  expect([...read].sort()).toEqual([...told, ...files].sort());
});

test('an operator token is told as set, and no more', () => {
  const { PULSECART_OPERATOR_TOKEN } = readConfig({
    PULSECART_OPERATOR_TOKEN: 'for operators only',
  }).settings;
  expect(PULSECART_OPERATOR_TOKEN).toBe('***');
});

for (const [url, shown] of [
  ['postgres://shop:se:cr@t@db:5432/shop', 'postgres://shop:***@db:5432/shop'],
  [
    'postgres://db/shop?user=shop&password=secret&sslmode=require',
    'postgres://db/shop?user=shop&password=***&sslmode=require',
  ],
  ['redis://:secret@cache:6379/0', 'redis://:***@cache:6379/0'],
  [
    'redis+sentinel://:a/b@one:1,two:2/name?sentinelPassword=secret',
    'redis+sentinel://:***@one:1,two:2/name?sentinelPassword=***',
  ],
  ['amqp://broker', 'amqp://broker'],
  ['https://host/v1/traces?api-token=secret&x=y#z', 'https://host/v1/traces?api-token=***&x=y#z'],
  [
    'postgres://db/shop?sslkey=/etc/client.key&sslpassword=secret',
    'postgres://db/shop?sslkey=/etc/client.key&sslpassword=***',
  ],
] as const) {
  test(`${shown} shows no secret`, () => {
    expect(withoutSecrets(url)).toBe(shown);
  });
}
