import { describe, expect, test } from 'bun:test';
import { HEAD_BYTES_MAX, ResponseReader } from './response.ts';

const BODY = '{"success":true,"message":"Grüße"}';
const PLAIN =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n' +
  `Content-Length: ${Buffer.byteLength(BODY)}\r\n\r\n${BODY}`;
const CHUNKED =
  'HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n6;x=1\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nX: y\r\n\r\n';

interface Read {
  readonly status: number;
  readonly body: string;
}

/** Everything read from bytes that come in these pieces; 'garbage' at the end where the reader gave up. */
function readAll(pieces: readonly Buffer[]): (Read | 'garbage')[] {
  const reader = new ResponseReader();
  const found: (Read | 'garbage')[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let result = reader.next(); result !== 'more'; result = reader.next()) {
      if (result === 'garbage') return [...found, 'garbage'];
      found.push({ status: reader.status, body: reader.text() });
    }
  }
  return found;
}

function readText(text: string): (Read | 'garbage')[] {
  return readAll([Buffer.from(text)]);
}

describe('responses are read whole however TCP cuts them', () => {
  const expected = [
    { status: 200, body: BODY },
    { status: 409, body: 'Wikipedia in \r\n\r\nchunks.' },
    { status: 200, body: BODY },
  ];
  const bytes = Buffer.from(PLAIN + CHUNKED + PLAIN);

  test('several in one piece', () => {
    expect(readAll([bytes])).toEqual(expected);
  });

  test('in two pieces, at every byte', () => {
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(readAll([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(expected);
    }
  });

  test('byte by byte', () => {
    expect(readAll(Array.from(bytes, (byte) => Buffer.of(byte)))).toEqual(expected);
  });
});

describe('the framing of a response', () => {
  test('header names count in any case', () => {
    expect(readText('HTTP/1.1 200 OK\r\ncONTENT-lENGTH:   2\r\n\r\nok')).toEqual([
      { status: 200, body: 'ok' },
    ]);
  });

  test('headers of the same shape are not taken for the length', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Lenghh: 9\r\nContent-Length: 2\r\n\r\nok';
    expect(readText(text)).toEqual([{ status: 200, body: 'ok' }]);
  });

  test('204 and 304 have no body', () => {
    const texts = ['HTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'];
    expect(readText(texts.join(''))).toEqual([
      { status: 204, body: '' },
      { status: 304, body: '' },
    ]);
  });

  test('an empty body is a body', () => {
    expect(readText('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n')).toEqual([{ status: 503, body: '' }]);
  });

  test('100 Continue is passed over', () => {
    expect(readText(`HTTP/1.1 100 Continue\r\n\r\n${PLAIN}`)).toEqual([{ status: 200, body: BODY }]);
  });

  test('Connection: close is noticed, for that response only', () => {
    const reader = new ResponseReader();
    reader.push(Buffer.from('HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n' + PLAIN));
    expect(reader.next()).toBe('response');
    expect(reader.keepAlive).toBe(false);
    expect(reader.next()).toBe('response');
    expect(reader.keepAlive).toBe(true);
  });

  test('a header is found by its name in lower case', () => {
    const reader = new ResponseReader();
    reader.push(Buffer.from('HTTP/1.1 503 No\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n'));
    expect(reader.next()).toBe('response');
    expect(reader.header('retry-after')).toBe('2');
    expect(reader.header('location')).toBeNull();
  });
});

describe('what is not a response is garbage', () => {
  const cases: Record<string, string> = {
    'another protocol': 'SSH-2.0-OpenSSH_9.2\r\n',
    'a status that is none': 'HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n',
    'no length at all': 'HTTP/1.1 200 OK\r\n\r\n',
    'a length that is no number': 'HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok',
    'an absurd length': 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nok',
    'a chunk without a size': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
    'a chunk longer than it said':
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n',
    'an endless head': `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(HEAD_BYTES_MAX)}`,
  };
  for (const [name, text] of Object.entries(cases)) {
    test(name, () => expect(readText(text)).toEqual(['garbage']));
  }

  test('a response before it is kept', () => {
    expect(readText(`${PLAIN}nonsense`)).toEqual([{ status: 200, body: BODY }, 'garbage']);
  });
});
