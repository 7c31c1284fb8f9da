import type { Environments } from './environment.ts';

export const ENGINE_CHOICES = ['embedded', 'production'] as const;
export type EngineChoice = (typeof ENGINE_CHOICES)[number];

/** The production engines are private ones: started now, gone with `close`. Each of the two is loaded only when it is used. */
export async function openEnvironments(choice: EngineChoice): Promise<Environments> {
  return choice === 'production'
    ? (await import('./distributed-environments.ts')).openDistributedEnvironments()
    : (await import('./embedded-environments.ts')).openEmbeddedEnvironments();
}
