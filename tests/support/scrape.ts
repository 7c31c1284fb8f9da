import { until } from './until.ts';

/** A scrape of `/actuator/prometheus`, read. */
export interface Scrape {
  readonly text: string;
  readonly contentType: string;
  /** The sum of the values with this name and these labels; null where there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | null;
}

/** Well above the second that a frozen process may take. */
const SCRAPE_TIMEOUT_MS = 20_000;

export async function scrape(url: string, accept?: string): Promise<Scrape> {
  const response = await fetch(`${url}/actuator/prometheus`, {
    ...(accept !== undefined && { headers: { Accept: accept } }),
    signal: AbortSignal.timeout(SCRAPE_TIMEOUT_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`A scrape was answered ${response.status}: ${text}`);
  return {
    text,
    contentType: response.headers.get('content-type') ?? '',
    value(name, labels = {}) {
      const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
      const values = text.split('\n').flatMap((line) => {
        const [, named, written = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/i.exec(line) ?? [];
        return named === name && wanted.every((label) => written.includes(label)) ? [Number(value)] : [];
      });
      return values.length === 0 ? null : values.reduce((sum, value) => sum + value);
    },
  };
}

/** What scrapes were answered, one after the other, until `work` was done; rejects when one hangs. */
export async function scrapesDuring(
  url: string,
  work: () => Promise<unknown>,
): Promise<(number | 'refused')[]> {
  const outcomes: (number | 'refused')[] = [];
  let isOver = false;
  const scraping = (async () => {
    while (!isOver) outcomes.push(await outcomeOf(url));
  })();
  await until(() => outcomes.length > 2);
  await work();
  isOver = true;
  await scraping;
  return outcomes;
}

async function outcomeOf(url: string): Promise<number | 'refused'> {
  try {
    const response = await fetch(`${url}/actuator/prometheus`, {
      signal: AbortSignal.timeout(SCRAPE_HANGS_MS),
    });
    await response.text();
    return response.status;
  } catch (error) {
    if ((error as Error).name === 'TimeoutError') throw error;
    return 'refused';
  }
}

const SCRAPE_HANGS_MS = 5_000;
