import type { Config } from '../config.ts';
import type { Check } from '../ports/backends.ts';

/** Whether the file of operators is taken; nothing where none is set. */
export async function checkOperators({ operatorsFile }: Config): Promise<Check[]> {
  if (operatorsFile === null) return [];
  const { countOf, readOperatorsFile } = await import('../http/named-operators.ts');
  try {
    const count = countOf(readOperatorsFile(operatorsFile));
    return [{ name: 'operators', state: 'ok', detail: `${count} in ${operatorsFile}` }];
  } catch (error) {
    return [{ name: 'operators', state: 'broken', detail: (error as Error).message }];
  }
}
