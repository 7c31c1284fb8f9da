import { expect, test } from 'bun:test';
import { readAcceptance, readOutcome, readSyncAnswer } from './answers.ts';

const ASKED = { productId: 1, quantity: 1 };
const raw = (status: number, body: object) => ({ status, body: JSON.stringify(body), retryAfter: null });

test('a balancer that lost an answer says that the outcome is unknown, in its own statuses', () => {
  const body = { code: 'outcome_unknown', message: 'The instance ended before it answered.' };
  for (const status of [502, 503, 504]) {
    expect(readSyncAnswer(raw(status, body), ASKED)).toEqual({ kind: 'unknown', id: null });
    expect(readAcceptance(raw(status, body), ASKED)).toEqual({ kind: 'unknown', id: null });
    expect(readOutcome(raw(status, body), ASKED, 'id')).toEqual({ kind: 'unknown', id: null });
  }
  // Anybody's page of an error says nothing.
  expect(readSyncAnswer(raw(502, { message: 'Bad Gateway' }), ASKED).kind).toBe('wrong');
});
