import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from './run.mjs';

const ENGINES = ['postgres', 'redis', 'rabbitmq'];

/** One set of backends for all test files, in a process that ends when this one does. */
export function openSharedServices(bun) {
  const script = join(ROOT, 'tests', 'support', 'shared-services.ts');
  const child = spawn(bun, [script], { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = new Promise((resolve) => child.once('close', resolve));
  const url = new Promise((resolve, reject) => {
    createInterface(child.stdout).once('line', resolve);
    closed.then(() => reject(new Error('The process that keeps the backends has ended.')));
  });
  return {
    url,
    /** All of them, where they are needed for sure. */
    async start() {
      const base = await url;
      const responses = await Promise.all(ENGINES.map((name) => fetch(base + name)));
      const refused = responses.find(({ ok }) => !ok);
      if (refused) throw new Error(await refused.text());
      return base;
    },
    close() {
      child.stdin.end();
      return closed;
    },
  };
}
