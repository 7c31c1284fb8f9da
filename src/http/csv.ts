/** Comma-separated values (RFC 4180), for spreadsheets and programs. */

/** A line of them, its end included. */
export function csvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

/**
 * Text that a spreadsheet would run as a formula gets an apostrophe before it, which keeps it text (OWASP, CSV injection). Numbers are our own.
 */
function cell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Also their full-width forms, which some spreadsheets take for them. */
const FORMULA = /^\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

/**
 * A body that is read part by part as its reader takes it, so that it never has more than one part in memory. What fails cuts the
 * connection, because an end would make the answer look complete; `onFailure` hears of it. A reader who goes away ends the parts.
 */
export function streamed(
  parts: AsyncIterator<string, void>,
  onFailure: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          for (;;) {
            const { done, value } = await parts.next();
            if (done) return controller.close();
            // A pull that enqueues nothing is not repeated.
            if (value !== '') return controller.enqueue(encoder.encode(value));
          }
        } catch (error) {
          onFailure(error);
          controller.error(error);
        }
      },
      async cancel() {
        await parts.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
