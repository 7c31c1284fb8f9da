import type { Shop } from './shop.ts';

/** Each of them says whether buyers may come. */
const PATHS = [
  '/actuator/health/readiness',
  '/actuator/health',
  '/api/v1/sync/health',
  '/api/v1/async/health',
];

/** Whether all of them answer with `status`. */
export async function saysEverywhere(shop: Shop, status: number): Promise<boolean> {
  const answers = await Promise.all(PATHS.map((path) => shop.get(path)));
  return answers.every((answer) => answer.status === status);
}

/** Asks on every path without a pause; answers for how long, and how often. All of them have to say yes. */
export async function askWithoutPause(
  shop: Shop,
  forMs: number,
): Promise<{ seconds: number; asked: number }> {
  const startMs = performance.now();
  for (let asked = 0; ; asked += PATHS.length) {
    const tookMs = performance.now() - startMs;
    if (tookMs >= forMs) return { seconds: tookMs / 1000, asked };
    if (!(await saysEverywhere(shop, 200))) throw new Error('A server that can sell said no.');
  }
}
