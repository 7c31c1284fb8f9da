/** Where a component writes what operators should know, such as the server's logger: a sentence, or details (an error as `err`) with it. */
export interface Log {
  readonly warn: Write;
  readonly error: Write;
}

interface Write {
  (sentence: string): void;
  (details: { readonly [name: string]: unknown }, sentence: string): void;
}

export const NO_LOG: Log = { warn() {}, error() {} };
