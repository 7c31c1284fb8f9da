import { expect, test } from 'bun:test';
import { formatFor, write } from './exposition.ts';
import type { Family } from './families.ts';

const sample = (name: string, value: number, labels: Readonly<Record<string, string>> = {}) => {
  return { name, labels, value };
};
const FAMILIES: readonly Family[] = [
  {
    ...{ name: 'sold_total', help: 'Units "sold",\nin \\ all', type: 'counter', ofSeveral: 'sum' },
    samples: [sample('sold_total', 3, { shop: 'a "b" \\ \n' })],
  },
  {
    ...{ name: 'took_seconds', help: 'Time', type: 'histogram', ofSeveral: 'sum' },
    samples: [
      sample('took_seconds_bucket', 1, { le: '0.5' }),
      sample('took_seconds_bucket', 2, { le: '1' }),
      sample('took_seconds_bucket', 2, { le: '+Inf' }),
      sample('took_seconds_sum', 1.25),
      sample('took_seconds_count', 2),
    ],
  },
  {
    ...{ name: 'lag', help: 'Lag', type: 'gauge', ofSeveral: 'max' },
    samples: [sample('lag', Number.NaN, { of: 'none' }), sample('lag', -Infinity, { of: 'all' })],
  },
];

test('metrics are written in Prometheus’s text format', () => {
  expect(write(FAMILIES, 'text')).toBe(`# HELP sold_total Units "sold",\\nin \\\\ all
# TYPE sold_total counter
sold_total{shop="a \\"b\\" \\\\ \\n"} 3

# HELP took_seconds Time
# TYPE took_seconds histogram
took_seconds_bucket{le="0.5"} 1
took_seconds_bucket{le="1"} 2
took_seconds_bucket{le="+Inf"} 2
took_seconds_sum 1.25
took_seconds_count 2

# HELP lag Lag
# TYPE lag gauge
lag{of="none"} NaN
lag{of="all"} -Inf
`);
});

test('metrics are written in OpenMetrics: a counter’s family without its ending, bounds as fractions, an end', () => {
  const text = write(FAMILIES, 'openMetrics');
  expect(text).toStartWith(`# HELP sold Units \\"sold\\",\\nin \\\\ all
# TYPE sold counter
sold_total{shop="a \\"b\\" \\\\ \\n"} 3
# HELP took_seconds Time
`);
  expect(text).toContain('took_seconds_bucket{le="0.5"} 1\ntook_seconds_bucket{le="1.0"} 2\n');
  expect(text).toEndWith('lag{of="all"} -Inf\n# EOF\n');
  expect(text).not.toContain('\n\n');
});

test.each([
  [null, 'text'],
  ['*/*', 'text'],
  ['text/plain', 'text'],
  ['application/openmetrics-text', 'openMetrics'],
  ['application/openmetrics-text;q=0, text/plain', 'text'],
  ['text/plain, application/openmetrics-text; version=1.0.0; q=0.5', 'text'],
  // Prometheus 2.42 and 3.
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'openMetrics',
  ],
] as const)('%s is answered in %s', (accept, format) => {
  expect(formatFor(accept)).toBe(format);
});
