/** Fewer make a token that is one word, or one key held down. 16 random hexadecimal digits have fewer than once in 30,000. */
const DIFFERENT_CHARS_MIN = 6;

/** What documents, examples and impatient people write in the place of a secret; compared without case and separators. */
const KNOWN = [
  'changeme',
  'changethis',
  'replaceme',
  'replacewith',
  'password',
  'passw0rd',
  'letmein',
  'qwerty',
  'placeholder',
  'insecure',
  'yourtoken',
  'yoursecret',
  'supersecret',
  'secrettoken',
  'operatortoken',
  'admintoken',
  'testtoken',
  'atleastsixteencharacters',
  'operatorsofthismachine',
  'developmentoperator',
];

/**
 * Why somebody could guess a token, or null where nothing is known against it. It finds the tokens of people who meant to come back
 * later, and does not measure how random the others are.
 */
export function weaknessOf(token: string): string | null {
  const plain = token.toLowerCase().replace(/[^a-z0-9]/g, '');
  if (KNOWN.some((known) => plain.includes(known))) return 'it is one of those that documents show';
  if (new Set(plain).size < DIFFERENT_CHARS_MIN) return 'it has too few different characters';
  if (stepsInARow(plain) * 2 > plain.length) return 'its characters follow each other';
  return null;
}

/** Characters that are one more or one less than the one before, as in `abcdef` and `987654`. */
function stepsInARow(text: string): number {
  let steps = 0;
  for (let i = 1; i < text.length; i++)
    if (Math.abs(text.charCodeAt(i) - text.charCodeAt(i - 1)) === 1) steps++;
  return steps;
}
