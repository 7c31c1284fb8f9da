/** The name of a folder under results/, after this second: 2026-01-02T03-04-05. Names sort by time. */
export function resultsName(): string {
  return new Date().toISOString().slice(0, 19).replaceAll(':', '-');
}
