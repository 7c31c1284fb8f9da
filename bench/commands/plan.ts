import { readFileSync } from 'node:fs';
import { readFlags, UsageError } from '../../src/cli/flags.ts';
import { printHelp } from '../../src/cli/help.ts';
import { print } from '../../src/cli/terminal.ts';
import { MODES } from '../arrivals.ts';
import { ASSUMPTIONS } from '../capacity/assumptions.ts';
import { calibrate } from '../capacity/calibrate.ts';
import { readConstants } from '../capacity/constants.ts';
import { planCapacity } from '../capacity/model.ts';
import { compareChecks } from '../capacity/prediction.ts';
import { OPEN_PROFILES, openProfile } from '../profiles.ts';
import { planText } from './plan-text.ts';

/** Default of `--viewers`. */
const NOT_GIVEN = -1;

const FLAGS = {
  buyers: { kind: 'integer', min: 1, max: 1_000_000_000, default: 100_000 },
  // A day: a sale that is longer is no rush.
  minutes: { kind: 'integer', min: 1, max: 1_440, default: 5 },
  units: { kind: 'integer', min: 1, max: 1_000_000_000, default: 1_000 },
  profile: { kind: 'choice', of: OPEN_PROFILES, default: 'flash-crowd' },
  mode: { kind: 'choice', of: MODES, default: 'both' },
  viewers: { kind: 'integer', min: 0, max: 1_000_000_000, default: NOT_GIVEN },
  constants: { kind: 'text', what: 'a file of constants' },
  calibrate: { kind: 'text', what: 'a file of `pulsecart bench --json`' },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart plan: what a sale of one product takes, from constants that bench measured

  --buyers N        how many come (100000)
  --minutes N       within how many (5)
  --units N         what they want, one unit each (1000)
  --profile P       when they come: ${OPEN_PROFILES.join(', ')} (flash-crowd)
  --mode M          sync, async or both: half of them each (both)
  --viewers N       live viewers beside them (those of the profile)
  --constants FILE  measured on your own machine (this project's own)
  --calibrate FILE  prints the constants of a document of \`bench --json\`, and plans nothing; docs/scale.md has the
                    command that makes one
  --json            one JSON object, with the constants and the assumptions

It needs no server. docs/scale.md says what is measured, what is assumed, and how far the plan was off.
Example: pulsecart plan --buyers 10000000 --minutes 5 --units 50000`;

/** Prints a plan; reads files, and talks to nothing. */
export async function plan(argv: string[]): Promise<number> {
  const flags = readFlags(argv, FLAGS);
  if (flags.help) {
    printHelp(HELP);
    return 0;
  }
  if (flags.calibrate !== undefined) {
    console.log(JSON.stringify(calibrate(read('--calibrate', flags.calibrate), flags.calibrate), null, 2));
    return 0;
  }
  const constants =
    flags.constants === undefined
      ? (await import('../capacity/built-in.ts')).builtInConstants()
      : readConstants(read('--constants', flags.constants), flags.constants);
  const { buyers, minutes, units, mode } = flags;
  const profile = openProfile(flags.profile);
  const viewers = flags.viewers === NOT_GIVEN ? Math.round(buyers * profile.viewersPerBuyer) : flags.viewers;
  const ask = { buyers, minutes, units, profile, mode, viewers };
  const result = planCapacity(ask, constants);
  print(
    flags.json
      ? JSON.stringify(
          {
            ...ask,
            profile: profile.name,
            plan: result,
            checks: compareChecks(constants),
            constants,
            assumptions: ASSUMPTIONS,
          },
          null,
          2,
        )
      : planText(ask, result, constants),
  );
  return 0;
}

function read(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${flag} cannot be read: ${(error as Error).message}`);
  }
}
