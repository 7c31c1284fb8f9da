import { expect, test } from 'bun:test';
import type { ConsumeMessage } from 'amqplib';
import { readDeadLetter, readInbound, toOutbound } from './envelope.ts';

const NOW = 1_795_000_000_123;

function message(content: Buffer): ConsumeMessage {
  return { content, fields: { redelivered: false }, properties: { headers: {} } } as ConsumeMessage;
}

test('text arrives as it was sent, and so it does as a dead letter', () => {
  for (const body of ['[["Ωmega 💡"]]', '', '\0', '\ufffd']) {
    const sent = message(toOutbound('queue', { body, items: 1 }, NOW).content);
    expect([readInbound(sent, NOW).body, readDeadLetter(sent, NOW).body]).toEqual([body, body]);
  }
});

test('P3 bytes that are not UTF-8 are not read as if they nearly were, and fit into a dead letter', () => {
  const nearly = Buffer.from('[["?"]]').map((byte) => (byte === 0x3f ? 0xff : byte));
  for (const content of [nearly, Buffer.alloc(16_000_000, 0xff)].map(Buffer.from)) {
    const { body } = readInbound(message(content), NOW);
    expect(() => JSON.parse(body)).toThrow();
    expect(body).toStartWith(`${content.length} bytes that are not UTF-8: `);
    expect(body.length).toBeLessThan(100_000);
    expect(readDeadLetter(message(content), NOW).body).toBe(body);
  }
});
