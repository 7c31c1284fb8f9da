import { readFileSync } from 'node:fs';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { UsageError } from '../../src/cli/flags.ts';
import { distance } from '../../src/lib/distance.ts';

/** What a rehearsal must reach. docs/reference/rehearsal.schema.json is made from this by `npm run reference`. */

const most = (what: string, preset: number | null) =>
  Type.Optional(
    Type.Union([Type.Number({ minimum: 0 }), Type.Null()], {
      description: `${what}; null: not judged`,
      default: preset,
    }),
  );

const PROPERTIES = {
  syncP50Ms: most('Sync purchases: the median latency from the intended start, at most', 500),
  syncP95Ms: most('Sync purchases: the latency of 95 %, at most', 2_000),
  syncP99Ms: most('Sync purchases: the latency of 99 %, at most', 3_000),
  acceptP99Ms: most('Async purchases: until the 202 of 99 %, at most', 1_000),
  confirmP99Ms: most('Async purchases: until the outcome of 99 %, at most', 30_000),
  errorShare: most('Buyers who got no outcome, as a share of all (0.01 is one of a hundred), at most', 0.001),
  usefulPerS: most('Buyers who got their outcome, per second of the whole run, at least', null),
  eventLoopP99Ms: most(
    "Delay of the servers' event loops (99 % of each second), the worst moment, at most",
    500,
  ),
  backlogPurchases: most('Accepted purchases without an outcome, the worst moment, at most', null),
  backlogAgeMs: most(
    'Age of the oldest message in the queue of purchases, the worst moment, at most',
    30_000,
  ),
};

export const ThresholdsSchema = Type.Object(
  { $schema: Type.Optional(Type.String({ description: 'For editors; ignored' })), ...PROPERTIES },
  {
    title: 'Thresholds of `pulsecart rehearse`',
    description: 'What is absent has its default.',
    additionalProperties: false,
  },
);

export type Thresholds = Readonly<Record<keyof typeof PROPERTIES, number | null>>;
const THRESHOLD_NAMES = Object.keys(PROPERTIES) as (keyof Thresholds)[];

export const DEFAULT_THRESHOLDS = Object.fromEntries(
  THRESHOLD_NAMES.map((name) => [name, (PROPERTIES[name] as unknown as { default: number | null }).default]),
) as Thresholds;

const check = Compile(ThresholdsSchema);

/** The file's thresholds, and the defaults of the others. Throws UsageError with one line that names what is wrong. */
export function readThresholds(file: string): Thresholds {
  const given = parse(file);
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new UsageError(`${file} must hold a JSON object of thresholds`);
  for (const [name, value] of Object.entries(given)) {
    if (name === '$schema') {
      if (typeof value !== 'string') throw new UsageError(`${file}: $schema must be a text`);
      continue;
    }
    if (!Object.hasOwn(PROPERTIES, name))
      throw new UsageError(`${file}: ${name} is no threshold; the nearest one is ${nearest(name)}`);
    if (value === null) continue;
    if (!(typeof value === 'number' && value >= 0 && Number.isFinite(value)))
      throw new UsageError(`${file}: ${name} must be a number from 0 on, or null for none`);
    if (name === 'errorShare' && value > 1)
      throw new UsageError(
        `${file}: errorShare is a share of all buyers, from 0 to 1; ${value} could never fail`,
      );
  }
  if (!check.Check(given)) throw new UsageError(`${file} does not fit its schema`);
  const { $schema: _, ...thresholds } = given;
  return { ...DEFAULT_THRESHOLDS, ...thresholds };
}

function parse(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--thresholds cannot be read: ${(error as Error).message}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${(error as Error).message}`);
  }
}

function nearest(name: string): string {
  const far = (one: string) => distance(name.toLowerCase(), one.toLowerCase());
  return THRESHOLD_NAMES.reduce((best, one) => (far(one) < far(best) ? one : best));
}
