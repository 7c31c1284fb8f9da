import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readGuide } from '../../src/http/docs/guide.ts';
import { openApiDocument } from '../../src/http/openapi.ts';
import { createRoutes } from '../../src/http/routes.ts';
import type { Service } from '../../src/http/service.ts';
import { printsOfStream, runtimeOf, statusesOf } from '../support/docs-samples.ts';
import { type EmbeddedShop, openShop } from '../support/shop.ts';

/** The JavaScript and the Python of `/docs`, run as they are shown. Its curl is run beside the page (`about.test.ts`). */

const document = openApiDocument(createRoutes({} as Service), '1.2.3', Date.now());
const operations = readGuide(document).groups.flatMap((group) => group.operations);
const [streams, calls] = [
  operations.filter(({ isStream }) => isStream),
  operations.filter(({ isStream }) => !isStream),
];

let shop: EmbeddedShop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop[Symbol.asyncDispose]());

for (const language of ['javascript', 'python'] as const) {
  const runtime = await runtimeOf(language);
  if (runtime === null)
    console.warn(
      `the ${language} samples are skipped: they need python3 with requests (apt: python3-requests)`,
    );

  describe.skipIf(runtime === null)(`the ${language} of each operation`, () => {
    test('is answered as described, with the operator token where that is wanted', async () => {
      const statuses = await statusesOf(shop, language, runtime!, calls);
      expect(statuses).toHaveLength(calls.length);
      const wrong = calls.flatMap(({ id, answers }, i) => {
        const status = statuses[i]!;
        const isFine = answers.some((one) => one.status === status) && !/^(400|401|5..)$/.test(status);
        return isFine ? [] : [`${id}: ${status}`];
      });
      expect(wrong).toEqual([]);
      expect(statuses[calls.findIndex(({ id }) => id === 'createProduct')]).toBe('201');
    });

    test.each(streams.map((one) => [one.id, one] as const))(
      '%s shows events as they come',
      async (_, one) => {
        expect(await printsOfStream(shop, language, runtime!, one, /event: snapshot.*"productId":1/s)).toBe(
          true,
        );
      },
    );
  });
}
