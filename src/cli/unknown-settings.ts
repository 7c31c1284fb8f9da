import { ENV_SOURCES } from '../config.ts';
import { distance } from '../lib/distance.ts';
import { type Env, fileVariableOf, SETTINGS } from '../settings.ts';
import type { Log } from '../telemetry/log.ts';

const PREFIX = 'PULSECART_';
/** Variables of our launcher and our tests for their children, not settings of a server. */
const OTHERS = new RegExp(`^${ENV_SOURCES}$|^${PREFIX}TEST_`);

/** A sentence for each variable that looks like a setting and is none; null without any. */
export function unknownSettings(env: Env): string | null {
  const known: string[] = Object.values(SETTINGS).map(({ name }) => name);
  const files = Object.values(SETTINGS).map((setting) => fileVariableOf(setting));
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith(PREFIX) && !known.includes(name) && !files.includes(name) && !OTHERS.test(name),
  );
  if (unknown.length === 0) return null;
  return unknown
    .toSorted()
    .map((name) => `${name} is no setting and has no effect; the nearest one is ${nearest(name, known)}`)
    .join('. ');
}

export function warnOfUnknownSettings(env: Env, log: Log): void {
  const sentence = unknownSettings(env);
  if (sentence !== null) log.warn(sentence);
}

/** Some settings have no prefix, and users add it by mistake. */
function nearest(name: string, known: readonly string[]): string {
  const bare = name.slice(PREFIX.length);
  // Of two equally near names, the one that it is a prefix of.
  const begins = (one: string) => one.startsWith(name) || one.startsWith(bare);
  const far = (one: string) => Math.min(distance(name, one), distance(bare, one)) - (begins(one) ? 0.5 : 0);
  return known.reduce((best, one) => (far(one) < far(best) ? one : best));
}
