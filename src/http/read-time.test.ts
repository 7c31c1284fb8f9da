import { describe, expect, test } from 'bun:test';
import { readTime } from './read-time.ts';
import { isoTime } from './respond.ts';

const read = (text: string): string | undefined => {
  const ms = readTime(text);
  return ms === undefined ? undefined : isoTime(ms);
};

describe('B12 a time is read as clients write it', () => {
  const sent: [client: string, text: string, is: string][] = [
    ['JavaScript: toISOString', '2026-11-22T16:27:38.590Z', '2026-11-22T16:27:38.590Z'],
    ['Python: datetime.isoformat()', '2026-11-22T16:27:38.590123+00:00', '2026-11-22T16:27:38.590Z'],
    ['Python: isoformat() on a whole second', '2026-11-22T17:27:38+01:00', '2026-11-22T16:27:38.000Z'],
    ['Java: Instant.toString()', '2026-11-22T16:27:38.590999999Z', '2026-11-22T16:27:38.590Z'],
    ['Java: OffsetDateTime on a whole minute', '2026-11-22T16:27-05:30', '2026-11-22T21:57:00.000Z'],
    ['Go: RFC3339Nano', '2026-11-22T16:27:38.5Z', '2026-11-22T16:27:38.500Z'],
    ['Go: five digits', '2026-11-22T16:27:38.59012+14:00', '2026-11-22T02:27:38.590Z'],
    ['nine digits that would round up', '2026-12-31T23:59:59.999999999Z', '2026-12-31T23:59:59.999Z'],
    ['lower case', '2026-11-22t16:27:38z', '2026-11-22T16:27:38.000Z'],
    ['an unknown local offset', '2026-11-22T16:27:38-00:00', '2026-11-22T16:27:38.000Z'],
    ['the last day of a leap year’s February', '2028-02-29T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['the last moment that can be shown', '9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ];
  test.each(sent)('%s: %s', (_, text, is) => {
    expect(read(text)).toBe(is);
  });
});

describe('B12 a time that does not exist, or could not be shown again, is none', () => {
  test.each([
    '2026-11-22T16:27:38.Z',
    '2026-11-22T16:27:38.1234567890Z',
    '2026-11-22T16:27:38,5Z',
    '2026-11-22T16:27.5Z',
    '2026-11-22T16:27:38',
    '2026-11-22 16:27:38Z',
    '2026-11-22T16:27:38+0100',
    '2026-11-22T16:27:38+01:60',
    '2026-11-22T16:27:38+24:00',
    '2026-11-22T16:27:38Z[UTC]',
    '2026-11-22T24:00:00Z',
    '2026-11-22T16:27:60Z',
    '2026-02-30T00:00:00Z',
    '2027-02-29T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-11-00T00:00:00Z',
    '9999-12-31T23:59:59-00:01',
    '+010000-01-01T00:00:00Z',
    '1969-12-31T23:59:59Z',
    '1970-01-01T00:00:00+00:01',
    '0000-01-01T00:00:00Z',
    '２０２６-11-22T16:27:38Z',
  ])('%s', (text) => {
    expect(read(text)).toBeUndefined();
  });
});
