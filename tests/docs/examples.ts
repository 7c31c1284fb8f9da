/** A command that a document shows after `$ `, and what it shows as its output. */
export interface Example {
  readonly command: string;
  readonly output: string;
  /** It runs in another terminal while the rest goes on; the document shows some of its lines. */
  readonly isBeside: boolean;
}

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const TIME = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z/g;
/** Where a document's commands go; on a test it is wherever the server listens. */
export const PRINTED_URL = 'http://127.0.0.1:8080';

/** The commands in the `console` blocks of a document, in their order. A line that ends in `\` goes on. */
export function examplesIn(markdown: string): Example[] {
  return [...markdown.matchAll(/^```console( beside)?\n(.*?)^```/gms)].flatMap(([, beside, block]) =>
    block!
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [written] = /^(?:.*\\\n)*.*\n/.exec(part)!;
        const command = written.trimEnd();
        const output = masked(withoutFigures(command, part.slice(written.length)));
        return { command, output, isBeside: beside !== undefined };
      }),
  );
}

/** Knows which real id stands for which printed one, so that a document's ids may lead from one command to the next. */
export class Told {
  readonly #printedOf = new Map<string, string>();

  withRealIds(command: string): string {
    const realOf = new Map([...this.#printedOf].map(([real, printed]) => [printed, real]));
    return command.replace(ID, (id) => realOf.get(id) ?? id);
  }

  /** Output as the document would print it. Ids seen for the first time are learned from their places. */
  asPrinted(output: string, { output: expected }: Example): string {
    const printed = expected.match(ID) ?? [];
    const real = output.match(ID) ?? [];
    if (printed.length === real.length) {
      real.forEach((id, i) => {
        const isNew = !this.#printedOf.has(id) && ![...this.#printedOf.values()].includes(printed[i]!);
        if (isNew) this.#printedOf.set(id, printed[i]!);
      });
    }
    return masked(output).replace(ID, (id) => this.#printedOf.get(id) ?? id);
  }
}

/** Without times, and without blanks at the ends of lines. */
export function masked(text: string): string {
  return text
    .replace(TIME, '<time>')
    .replace(/[ \t]+$/gm, '')
    .trimEnd();
}

/** A crowd is another one each time: its figures stand for any. */
export function withoutFigures(command: string, text: string): string {
  return / rush\b/.test(command)
    ? text
        .replaceAll(PRINTED_URL, '<url>')
        .replace(/http:\/\/127\.0\.0\.1:\d+/g, '<url>')
        .replace(/ *\d+(\.\d+)?( m?s\b)?/g, ' N')
    : text;
}
