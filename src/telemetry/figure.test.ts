import { expect, test } from 'bun:test';
import { createFigure } from './figure.ts';

test('B7 a figure whose backend hangs is given up in time, and is asked for once however many want it', async () => {
  let asked = 0;
  const answer = Promise.withResolvers<number>();
  const figure = createFigure(() => {
    asked++;
    return answer.promise;
  }, 20);
  const looks = await Promise.allSettled([figure(), figure()]);
  expect(looks.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const last = figure();
  answer.resolve(7);
  expect(await last).toBe(7);
  expect(asked).toBe(1);
});

test('B7 a figure that could not be read is asked for anew, also one whose question could not even be put', async () => {
  let asked = 0;
  const figure = createFigure(() => {
    if (++asked === 1) throw new Error('no connection');
    return Promise.resolve(asked);
  });
  await expect(figure()).rejects.toThrow('no connection');
  expect(await figure()).toBe(2);
});
