import { statfs } from 'node:fs/promises';
import { Gauge } from 'prom-client';
import { createFigure } from './figure.ts';
import type { Metrics } from './metrics.ts';

/** What a process depends on, by the name that `/actuator/health` has for it. */
export type Pings = Readonly<Record<string, () => Promise<void>>>;

/**
 * Exports whether the backends can be used, and the room on the disk. The pings are those of health: each writes at most once a second
 * per process.
 */
export function watchBackends({ registry }: Pick<Metrics, 'registry'>, pings: Pings, folder: string): void {
  const figures = Object.entries(pings).map(([name, ping]) => [name, createFigure(ping)] as const);
  new Gauge({
    name: 'pulsecart_backend_up',
    help: '1 while the backend can be used from here, 0 when it refuses or does not answer in time',
    labelNames: ['backend'],
    // One process that cannot reach it is trouble enough.
    aggregator: 'min',
    registers: [registry],
    async collect() {
      const answers = await Promise.allSettled(figures.map(([, ping]) => ping()));
      answers.forEach(({ status }, i) => {
        this.set({ backend: figures[i]![0] }, Number(status === 'fulfilled'));
      });
    },
  });
  const disk = createFigure(() => statfs(folder));
  const bytes = (name: string, help: string, blocks: 'bavail' | 'blocks') =>
    new Gauge({
      name,
      help,
      aggregator: 'min',
      registers: [registry],
      async collect() {
        const found = await disk().catch(() => null);
        this.set(found ? found[blocks] * found.bsize : Number.NaN);
      },
    });
  bytes('pulsecart_disk_free_bytes', 'Room for this user on the disk of the data folder', 'bavail');
  bytes('pulsecart_disk_size_bytes', 'Size of that disk', 'blocks');
}
