// `npm run chaos`: the tests that draw what happens, again and again, each round with the next seed.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './check/run.mjs';

const HELP = `npm run chaos -- [--rounds N] [--seed S] [--file PATTERN]

  --rounds N      how often each of them is run (default 1)
  --seed S        the first round's seed, a whole number or "random" (default random)
  --file PATTERN  only files whose path contains this, e.g. tests/faults/kill.test.ts
`;

const { rounds, seed, files, pattern } = readArgs();
if (files.length === 0) fail(`no random test has "${pattern}" in its path`);
for (let round = 0; round < rounds; round++) {
  const now = String(seed + round);
  console.log(`round ${round + 1} of ${rounds}, seed ${now}`);
  const { status } = spawnSync(process.execPath, [join(ROOT, 'bin', 'check.mjs'), ...files], {
    env: { ...process.env, PULSECART_TEST_SEED: now },
    stdio: 'inherit',
  });
  if (status !== 0) {
    const again = `npm run chaos -- --seed ${now}${pattern ? ` --file ${pattern}` : ''}`;
    console.log(`round ${round + 1} failed; again: ${again}`);
    process.exit(1);
  }
}

function readArgs() {
  let given;
  try {
    given = parseArgs({
      options: {
        rounds: { type: 'string', default: '1' },
        seed: { type: 'string', default: 'random' },
        file: { type: 'string', default: '' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    fail(error.message);
  }
  if (given.help) {
    console.log(HELP);
    process.exit(0);
  }
  return {
    rounds: wholeNumber('--rounds', given.rounds, 1),
    seed: given.seed === 'random' ? randomInt(1_000_000) : wholeNumber('--seed', given.seed, 0),
    files: randomTests().filter((file) => file.includes(given.file)),
    pattern: given.file,
  };
}

/** Every test file that takes its seed from outside. */
function randomTests() {
  return ['src', 'bench', 'tests']
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true }).map((file) => join(folder, file)),
    )
    .filter((file) => file.endsWith('.test.ts'))
    .filter((file) => readFileSync(join(ROOT, file), 'utf8').includes('seedOf(import.meta.path)'));
}

function wholeNumber(name, text, min) {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min) fail(`${name} takes a whole number from ${min} on`);
  return value;
}

function fail(message) {
  console.error(`${message}\n\n${HELP}`);
  process.exit(2);
}
