/** Where `npm test` tells its test files to ask for the shared backends. */
export const SERVICES_VARIABLE = 'PULSECART_TEST_SERVICES_URL';

/** Which backends the tests run against, by PULSECART_TEST_ENGINES; throws on a value that it cannot have. */
export function backendsChoice(env: Readonly<Record<string, string | undefined>>): 'embedded' | 'production' {
  const choice = env.PULSECART_TEST_ENGINES || 'production';
  if (choice === 'embedded' || choice === 'production') return choice;
  throw new Error(`PULSECART_TEST_ENGINES must be "embedded" or "production", not "${choice}"`);
}
