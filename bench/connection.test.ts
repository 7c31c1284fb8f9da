import { describe, expect, test } from 'bun:test';
import { Connection } from './connection.ts';

const OK = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');

/** A connection on a socket that takes at most `takes` bytes at a time, with everything that happened to it. */
function connectionOn(takes = Number.POSITIVE_INFINITY) {
  const events: string[] = [];
  let written = '';
  const connection = new Connection({
    answered: ({ response, tag }) => events.push(`${tag} answered ${response.status}`),
    cut: ({ inFlight, tag }, reason) => events.push(`${inFlight ? `${tag} unknown` : 'idle'}: ${reason}`),
  });
  connection.use({
    write: (data: unknown) => {
      const bytes = data as Uint8Array;
      const count = Math.min(takes, bytes.length);
      written += Buffer.from(bytes.subarray(0, count)).toString();
      return count;
    },
    terminate: () => {},
  });
  return { connection, events, written: () => written };
}

describe('a connection', () => {
  test('sends what a full socket did not take once it drains, even when the bytes were reused meanwhile', () => {
    const { connection, written } = connectionOn(4);
    const request = Buffer.from('0123456789');
    connection.send(request, 1, 0);
    request.fill('x');
    expect(written()).toBe('0123');
    connection.drained();
    connection.drained();
    connection.drained();
    expect(written()).toBe('0123456789');
  });

  test('may be used again from within its answer', () => {
    const events: string[] = [];
    const connection = new Connection({
      answered: (answered) => {
        events.push(`answered ${answered.tag}`);
        if (answered.tag < 3) answered.send(Buffer.from('GET'), answered.tag + 1, 0);
      },
      cut: () => events.push('cut'),
    });
    connection.use({ write: (data: unknown) => (data as Uint8Array).length, terminate: () => {} });
    connection.send(Buffer.from('GET'), 1, 0);
    connection.received(OK);
    connection.received(OK);
    connection.received(OK);
    expect(events).toEqual(['answered 1', 'answered 2', 'answered 3']);
    expect(connection.open).toBe(true);
  });

  test('refuses a second request while one is in flight', () => {
    const { connection } = connectionOn();
    connection.send(Buffer.from('GET'), 1, 0);
    expect(() => connection.send(Buffer.from('GET'), 2, 0)).toThrow('one request at a time');
  });

  test('reports a cut with the request in flight as unknown, once', () => {
    const { connection, events } = connectionOn();
    connection.send(Buffer.from('GET'), 5, 0);
    connection.end('timeout');
    connection.end('closed');
    expect(events).toEqual(['5 unknown: timeout']);
  });

  test('knows half an answer for no answer', () => {
    const { connection, events } = connectionOn();
    connection.send(Buffer.from('GET'), 5, 0);
    connection.received(OK.subarray(0, OK.length - 1));
    connection.end('closed');
    expect(events).toEqual(['5 unknown: closed']);
  });

  test('ends when an answer comes that nobody asked for', () => {
    const { connection, events } = connectionOn();
    connection.send(Buffer.from('GET'), 1, 0);
    connection.received(Buffer.concat([OK, OK]));
    expect(events).toEqual(['1 answered 200', 'idle: garbage']);
  });

  test('is not used after the server said that it closes', () => {
    const { connection, events } = connectionOn();
    connection.send(Buffer.from('GET'), 1, 0);
    connection.received(Buffer.from('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'));
    expect(events).toEqual(['1 answered 200', 'idle: closed']);
    expect(connection.open).toBe(false);
  });
});
