import { expect, test } from 'bun:test';
import { signedHeaders } from './signature.ts';

test('signs like the example in the specification of Standard Webhooks', () => {
  const headers = signedHeaders(
    ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    1_614_265_330_000,
    '{"test": 2432232314}',
  );
  expect(headers).toMatchObject({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('every secret signs, the first one first', () => {
  const [one, two] = [`whsec_${btoa('a'.repeat(24))}`, `whsec_${btoa('b'.repeat(24))}`];
  const signature = (...secrets: string[]) => signedHeaders(secrets, 'msg_1', 0, '{}')['webhook-signature'];
  expect(signature(one, two)).toBe(`${signature(one)} ${signature(two)}`);
  expect(signature(one)).not.toBe(signature(two));
});
