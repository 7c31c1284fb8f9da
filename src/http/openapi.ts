export function openApiDocument(version: string): unknown {
  return { openapi: '3.1.0', info: { title: 'PulseCart', version }, paths: {} };
}
