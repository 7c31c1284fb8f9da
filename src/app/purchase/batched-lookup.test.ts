import { expect, test } from 'bun:test';
import { until } from '../../../tests/support/until.ts';
import type { Found } from '../../ports/queries.ts';
import { createBatchedLookup } from './batched-lookup.ts';

/** A ledger that answers when it is told to. */
function slowLedger() {
  const questions: { ids: readonly string[]; answer(): void; fail(error: Error): void }[] = [];
  return {
    questions,
    find: (ids: readonly string[]) =>
      new Promise<Map<string, Found>>((resolve, fail) => {
        const answer = () => resolve(new Map(ids.map((id) => [id, { kind: 'needs_attention' }])));
        questions.push({ ids, answer, fail });
      }),
  };
}

test('who asks while two questions are under way goes into the next one, each id once', async () => {
  const ledger = slowLedger();
  const find = createBatchedLookup(ledger);
  const answers = Promise.all(['a', 'b', 'c', 'd', 'c'].map(find));
  await until(() => ledger.questions.length === 2);
  expect(ledger.questions.map(({ ids }) => ids)).toEqual([['a'], ['b']]);
  ledger.questions[0]!.answer();
  ledger.questions[1]!.answer();
  await until(() => ledger.questions.length === 3);
  expect(ledger.questions[2]!.ids).toEqual(['c', 'd']);
  ledger.questions[2]!.answer();
  expect((await answers).map((found) => found?.kind)).toEqual(Array(5).fill('needs_attention'));
});

test('a question that fails fails those who asked it, and no others', async () => {
  const ledger = slowLedger();
  const find = createBatchedLookup(ledger);
  const asked = Promise.allSettled(['a', 'b', 'c'].map(find));
  await until(() => ledger.questions.length === 2);
  ledger.questions[0]!.fail(new Error('for the test'));
  ledger.questions[1]!.answer();
  await until(() => ledger.questions.length === 3);
  ledger.questions[2]!.answer();
  expect((await asked).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
});
