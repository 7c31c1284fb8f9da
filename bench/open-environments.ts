import type { Environments } from './environment.ts';

export const BACKEND_CHOICES = ['embedded', 'production'] as const;
export type BackendChoice = (typeof BACKEND_CHOICES)[number];

/** The distributed backends are private: started here, removed by `close`. Each kind is loaded only when it is used. */
export async function openEnvironments(choice: BackendChoice): Promise<Environments> {
  return choice === 'production'
    ? (await import('./distributed-environments.ts')).openDistributedEnvironments()
    : (await import('./embedded-environments.ts')).openEmbeddedEnvironments();
}
