/** Where a component writes what operators should know. The server's logger is one; each level takes a sentence, or an error with it. */
export interface Log {
  readonly warn: Write;
  readonly error: Write;
}

interface Write {
  (sentence: string): void;
  (details: { readonly [name: string]: unknown }, sentence: string): void;
}

export const NO_LOG: Log = { warn() {}, error() {} };
