import { settings } from './settings.js';

/**
 * What `handleSummary` returns: k6's own object as JSON in a file, and a text for people. Nothing is imported from the
 * network.
 * @param {any} data
 * @param {{ way: string, file: string, purchases: string, counters: string[], trends: string[] }} shown
 */
export function summarize(data, shown) {
  const file = settings.summaryFile || shown.file;
  // With --new-machine-readable-summary k6 hands over another object, which is for machines only.
  const text = data.metrics ? textOf(data, shown) : '';
  return { stdout: `${text}\n  summary  ${file}\n`, [file]: `${JSON.stringify(data, null, 2)}\n` };
}

/**
 * @param {any} data
 * @param {{ way: string, purchases: string, counters: string[], trends: string[] }} shown
 */
function textOf({ metrics, state, setup_data }, { way, purchases, counters, trends }) {
  const { baseUrl, productId } = settings;
  const seconds = state.testRunDurationMs / 1000;
  const lines = [
    '',
    `  ${way} purchases of product ${productId} at ${baseUrl}, ${seconds.toFixed(0)} s`,
    '  Closed loop: a slow server gets fewer purchases, so its worst moments are measured least.',
    '',
    ...thresholdLines(metrics),
    '',
    `  purchases  ${grouped(countOf(metrics, purchases))}  (${grouped(countOf(metrics, purchases) / seconds)} per second)`,
    ...counters
      .filter((name) => countOf(metrics, name) > 0)
      .map((name) => `  ${name.padEnd(22)} ${grouped(countOf(metrics, name)).padStart(12)}`),
    '',
    ...trends.filter((name) => metrics[name]).map((name) => trendLine(name, metrics[name].values)),
  ];
  if (setup_data && metrics.stock_left)
    lines.push(
      `  units      ${grouped(setup_data.stock)} at the start, ${grouped(metrics.stock_left.values.value)} left`,
    );
  return `${lines.join('\n')}\n`;
}

/** @param {Record<string, any>} metrics */
function thresholdLines(metrics) {
  return Object.entries(metrics).flatMap(([name, { thresholds, values }]) =>
    Object.entries(thresholds || {}).map(([expression, { ok }]) => {
      const stat = expression.split(/[<>=!]/)[0]?.trim() ?? '';
      const value = values[stat];
      const was = value === undefined ? '' : `  was ${grouped(value)}`;
      return `  ${ok ? 'PASS' : 'FAIL'}  ${`${name} ${expression}`.padEnd(46)}${was}`;
    }),
  );
}

/**
 * @param {string} name
 * @param {Record<string, number>} values
 */
function trendLine(name, values) {
  const shown = ['med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max'].map(
    (stat) => `${stat} ${grouped(values[stat] ?? 0)}`,
  );
  return `  ${name}, ms: ${shown.join('  ')}`;
}

/**
 * @param {Record<string, any>} metrics
 * @param {string} name
 */
function countOf(metrics, name) {
  return metrics[name] ? metrics[name].values.count : 0;
}

/**
 * 12,345 and 1.23; k6 has no `Intl`.
 * @param {number} value
 */
function grouped(value) {
  const [whole = '', fraction] = (Number.isInteger(value) ? String(value) : value.toFixed(2)).split('.');
  return whole.replace(/\B(?=(\d{3})+$)/g, ',') + (fraction ? `.${fraction}` : '');
}
