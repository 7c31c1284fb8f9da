import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Compile } from 'typebox/compile';
import { UsageError } from '../../src/cli/flags.ts';
import { REPORT_FORMAT, REPORT_VERSION, type ReportData, ReportSchema } from './report-data.ts';

const FILE = 'report.json';
const check = Compile(ReportSchema);

/** Reads a report's data from its folder or its file. Throws UsageError, naming what is wrong with the file. */
export function readReport(path: string): ReportData {
  const file = isFolder(path) ? join(path, FILE) : path;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
  }
  let data: Partial<ReportData> | null;
  try {
    data = JSON.parse(text);
  } catch {
    throw new UsageError(`${file} is no JSON; a report's data is in its ${FILE}`);
  }
  if (data?.format !== REPORT_FORMAT) {
    throw new UsageError(`${file} is no report of this program: its "format" is not "${REPORT_FORMAT}"`);
  }
  if (data.version !== REPORT_VERSION) {
    const of = `version ${data.version}, and this program reads version ${REPORT_VERSION}`;
    throw new UsageError(`${file} is a report of ${of}: make it again`);
  }
  if (!check.Check(data)) {
    const [first] = check.Errors(data);
    throw new UsageError(
      `${file} is damaged: ${first?.instancePath || 'it'} ${first?.message ?? 'does not fit'}`,
    );
  }
  return data;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
