import type { Config } from '../config.ts';
import type { Check } from '../ports/backends.ts';

/** Whether the file of operators is taken; nothing where none is set. */
export async function checkOperators({ operatorsFile }: Config): Promise<Check[]> {
  if (operatorsFile === null) return [];
  const { readOperatorsFile } = await import('../http/named-operators.ts');
  try {
    const names = new Set([...readOperatorsFile(operatorsFile).values()].map(({ name }) => name));
    return [{ name: 'operators', state: 'ok', detail: `${names.size} in ${operatorsFile}` }];
  } catch (error) {
    return [{ name: 'operators', state: 'broken', detail: (error as Error).message }];
  }
}
