import type { Family, Sample } from './families.ts';

/** Prometheus's text format, and OpenMetrics for who asks for it; Prometheus itself does. */
export type Format = keyof typeof CONTENT_TYPES;

export const CONTENT_TYPES = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openMetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const;

/** OpenMetrics where the `Accept` names it, and no less gladly than plain text. */
export function formatFor(accept: string | null): Format {
  const openMetrics = qualityOf('application/openmetrics-text', accept);
  return openMetrics > 0 && openMetrics >= qualityOf('text/plain', accept) ? 'openMetrics' : 'text';
}

/** 0 where it is not named: a client that takes anything gets what every program reads. */
function qualityOf(type: string, accept: string | null): number {
  const qualities = (accept ?? '').split(',').flatMap((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (name !== type) return [];
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    return quality === undefined ? 1 : Number(quality.slice(2)) || 0;
  });
  return Math.max(0, ...qualities);
}

export function write(families: readonly Family[], format: Format): string {
  if (format === 'text') return `${families.map(inText).join('\n\n')}\n`;
  return `${families.map(inOpenMetrics).join('\n')}\n# EOF\n`;
}

function inText({ name, help, type, samples }: Family): string {
  return [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`, ...samples.map(line)].join('\n');
}

/** A counter is called without the ending that its value has, and a bucket's bound is always written as a fraction. */
function inOpenMetrics({ name, help, type, samples }: Family): string {
  const called = type === 'counter' ? name.replace(/_total$/, '') : name;
  const lines = samples.map((sample) =>
    line({
      ...sample,
      name: type === 'counter' ? `${called}_total` : sample.name,
      labels: type === 'histogram' ? withFraction(sample.labels) : sample.labels,
    }),
  );
  const about = [`# HELP ${called} ${escaped(help).replaceAll('"', '\\"')}`, `# TYPE ${called} ${type}`];
  return [...about, ...lines].join('\n');
}

function withFraction(labels: Sample['labels']): Sample['labels'] {
  const { le } = labels;
  return le !== undefined && /^\d+$/.test(le) ? { ...labels, le: `${le}.0` } : labels;
}

function line({ name, labels, value }: Sample): string {
  const written = Object.entries(labels).map(
    ([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`,
  );
  return `${name}${written.length > 0 ? `{${written.join(',')}}` : ''} ${number(value)}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf';
}
