import { curlOf } from './curl.ts';
import type { ExampleRequest } from './example-request.ts';
import { javascriptOf } from './javascript.ts';
import { pythonOf } from './python.ts';

/** The languages that each request is shown in, the first one where no other is chosen. */
export const LANGUAGES = { curl: 'curl', javascript: 'JavaScript', python: 'Python' } as const;
export type Language = keyof typeof LANGUAGES;

export function samplesOf(request: ExampleRequest): Readonly<Record<Language, string>> {
  return { curl: curlOf(request), javascript: javascriptOf(request), python: pythonOf(request) };
}
