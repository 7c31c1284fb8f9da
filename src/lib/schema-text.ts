/** The state of a store's tables, for people. `version` 0: there are none yet. */
export function schemaText(version: number, latest: number): string {
  if (version === 0) return 'no tables yet, the first start makes them';
  return version === latest
    ? `schema ${version}`
    : `schema ${version} of ${latest}, the next start brings it up to date`;
}
