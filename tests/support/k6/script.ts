/** What a script exports. */
export type Script = Readonly<Record<string, unknown>> & {
  readonly options?: {
    readonly scenarios?: Readonly<Record<string, Record<string, unknown>>>;
    readonly thresholds?: Readonly<Record<string, readonly unknown[]>>;
    readonly summaryTrendStats?: readonly string[];
  };
};

export function functionOf(script: Script, name: string): (data?: unknown) => unknown {
  const found = script[name];
  if (typeof found !== 'function') throw new Error(`function '${name}' not found in exports`);
  return found as (data?: unknown) => unknown;
}

export function copyOf(data: unknown): unknown {
  return data === undefined ? undefined : JSON.parse(JSON.stringify(data));
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
