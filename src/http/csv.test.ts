import { describe, expect, test } from 'bun:test';
import { csvLine, streamed } from './csv.ts';

describe('a line of CSV', () => {
  test('quotes what would end a cell, and leaves out what is null', () => {
    expect(csvLine(['a', 7, null, 'b,c', 'say "no"', 'two\nlines', ' x '])).toBe(
      'a,7,,"b,c","say ""no""","two\nlines"," x "\r\n',
    );
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =1', '＝1'])(
    'keeps a spreadsheet from running %p',
    (text) => {
      expect(csvLine([text]).replace(/^"/, '')).toStartWith("'");
    },
  );

  test('leaves negative numbers and other text alone', () => {
    expect(csvLine([-1, 'a=b', '1-2'])).toBe('-1,a=b,1-2\r\n');
  });
});

describe('a streamed body', () => {
  test('reads a part when the one before is taken, and nothing ahead', async () => {
    let made = 0;
    async function* parts() {
      for (;;) {
        made++;
        yield made === 2 ? '' : `part ${made};`;
      }
    }
    const body = streamed(parts(), () => {});
    const reader = body.getReader();
    expect(made).toBe(0);
    expect(await text(reader)).toBe('part 1;');
    expect(made).toBe(1);
    expect(await text(reader)).toBe('part 3;');
    expect(made).toBe(3);
    await reader.cancel();
    expect(made).toBe(3);
  });

  test('fails where a part fails, and never ends as if it were complete', async () => {
    const failures: unknown[] = [];
    async function* parts() {
      yield 'one';
      throw new Error('the disk is gone');
    }
    const body = streamed(parts(), (error) => failures.push(error));
    await expect(new Response(body).text()).rejects.toThrow('the disk is gone');
    expect(failures).toHaveLength(1);
  });

  test('ends its parts when the reader goes away', async () => {
    let ended = false;
    async function* parts() {
      try {
        yield 'one';
        yield 'two';
      } finally {
        ended = true;
      }
    }
    const reader = streamed(parts(), () => {}).getReader();
    await reader.read();
    await reader.cancel();
    expect(ended).toBe(true);
  });
});

async function text(reader: { read(): Promise<{ value?: Uint8Array | undefined }> }): Promise<string> {
  return new TextDecoder().decode((await reader.read()).value);
}
